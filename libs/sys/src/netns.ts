import { CLONE_NEWNET, O_RDONLY, type Sys } from './sys.ts';

/** A network namespace: its file (`/run/netns/web`, `/proc/1/ns/net`), or a descriptor of it. */
export type Netns = string | number;

/** `never` where `work` would return a promise: the code after its first `await` would run at home. */
type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/** The calling thread's own namespace. `/proc/self` would be the main thread's. */
const OWN = '/proc/thread-self/ns/net';

/**
 * Does `work` with the calling thread in the network namespace, and comes home whether `work` returns or throws. Sockets that `work`
 * opens stay in the namespace and serve later; `/proc/sys/net` is the namespace's while `work` runs.
 *
 * `die` is called when the thread cannot come home, and must end the process: everything after would act on the container in place of
 * the host.
 *
 * @throws SysError of `open` or `setns` (ENOENT: no such file; EINVAL: not a network namespace; EPERM), and whatever `work` throws.
 */
export function withNetns<T>(sys: Sys, netns: Netns, work: () => Synchronous<T>, die: Die = killSelf): T {
  const home = sys.open(OWN, O_RDONLY);
  try {
    const result = visit(sys, netns, home, work, die);
    // The type refuses a promise; a caller without types could still return one.
    if (result instanceof Promise) throw new TypeError('withNetns: work returned a promise, and must be synchronous');
    return result;
  } finally {
    sys.close(home);
  }
}

export type Die = (sys: Sys, cause: unknown) => never;

function visit<T>(sys: Sys, netns: Netns, home: number, work: () => T, die: Die): T {
  enter(sys, netns);
  try {
    return work();
  } finally {
    try {
      sys.setns(home, CLONE_NEWNET);
    } catch (error) {
      die(sys, error);
    }
  }
}

function enter(sys: Sys, netns: Netns): void {
  if (typeof netns === 'number') return sys.setns(netns, CLONE_NEWNET);
  const fd = sys.open(netns, O_RDONLY);
  try {
    sys.setns(fd, CLONE_NEWNET);
  } finally {
    sys.close(fd);
  }
}

function killSelf(sys: Sys, cause: unknown): never {
  const STDERR = 2;
  sys.write(
    STDERR,
    new TextEncoder().encode(`killed: the thread cannot leave a network namespace (${String(cause)})\n`),
  );
  for (;;) process.kill(process.pid, 'SIGKILL');
}
