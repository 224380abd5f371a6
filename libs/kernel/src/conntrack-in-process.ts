/**
 * `conntrack` without the program: the lists and deletions of published ports are answered by netlink, in this process. What is not known
 * here still starts the program.
 */
import type { Run, RunResult } from '@flatnet/exec';
import { batch, dump, NetlinkError, type Socket } from '@flatnet/netlink';
import { deleteFlow, listFlows, type Flow, type FlowFilter } from '@flatnet/netlink/conntrack/flow';
import { ENOENT, SysError, SysUnavailable } from '@flatnet/sys';

/** Numbers of /etc/protocols. */
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** @param open opens the socket at the first call, in the namespace of the flows; it stays open. */
export function conntrackInProcess(run: Run, open: () => Socket): Run {
  let socket: Socket | undefined;
  return (file, args, options) => {
    const request = file === 'conntrack' ? readRequest(args) : undefined;
    if (request === undefined) return run(file, args, options);
    try {
      socket ??= open();
      const flows = dump(socket, listFlows(request.filter));
      return Promise.resolve(request.verb === '-L' ? printed(flows) : removed(socket, flows));
    } catch (error) {
      if (error instanceof SysUnavailable) return run(file, args, options);
      if (error instanceof NetlinkError || error instanceof SysError)
        return Promise.resolve(ended(1, '', error.message));
      throw error;
    }
  };
}

interface Request {
  readonly verb: '-L' | '-D';
  readonly filter: FlowFilter;
}

/** `-L|-D -f ipv4|ipv6 [-p PROTOCOL] [--orig-dst A] [--orig-port-dst N] [--reply-src A]` */
function readRequest([verb, f, family, ...words]: readonly string[]): Request | undefined {
  if ((verb !== '-L' && verb !== '-D') || f !== '-f') return undefined;
  const given = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) given.set(words[at]!, words[at + 1] ?? '');
  if ([...given.keys()].some((key) => !['-p', '--orig-dst', '--orig-port-dst', '--reply-src'].includes(key)))
    return undefined;
  const [name, dst, port, src] = ['-p', '--orig-dst', '--orig-port-dst', '--reply-src'].map((key) => given.get(key));
  const protocol = name === undefined ? undefined : PROTOCOLS[name];
  if (name !== undefined && protocol === undefined) return undefined;
  const original = {
    ...(protocol === undefined ? {} : { protocol }),
    ...(dst === undefined ? {} : { dst }),
    ...(port === undefined ? {} : { dstPort: Number(port) }),
  };
  return {
    verb,
    filter: {
      family: family === 'ipv6' ? 6 : 4,
      ...(Object.keys(original).length === 0 ? {} : { original }),
      ...(src === undefined ? {} : { reply: { src } }),
    },
  };
}

/** One line a flow, as conntrack(8) prints it. */
function printed(flows: readonly Flow[]): RunResult {
  const lines = flows.flatMap(({ original, reply, timeout = 0 }) => {
    const name = Object.keys(PROTOCOLS).find((key) => PROTOCOLS[key] === original.protocol);
    if (name === undefined) return [];
    const way = `src=${original.src} dst=${original.dst} sport=${original.srcPort} dport=${original.dstPort}`;
    return [`${name} ${original.protocol} ${timeout} ${way} src=${reply.src} dst=${reply.dst}\n`];
  });
  return ended(0, lines.join(''), `${lines.length} flow entries have been shown.\n`);
}

/** A flow that has ended meanwhile is gone, which is all that is wanted. */
function removed(socket: Socket, flows: readonly Flow[]): RunResult {
  const failures = batch(socket, flows.map(deleteFlow)).filter(({ errno }) => errno !== ENOENT);
  if (failures.length > 0) return ended(1, '', failures[0]!.message);
  return ended(0, '', `${flows.length} flow entries have been deleted.\n`);
}

const ended = (exitCode: number, stdout: string, stderr: string): RunResult => ({
  exitCode,
  stdout,
  stderr,
  ending: 'exit',
});
