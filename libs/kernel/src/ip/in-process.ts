/**
 * `ip`, and `sysctl` in a container's namespace, without the programs: the calls that this library makes on the path of ADD and DEL are
 * answered by netlink, in this process. What it does not know still starts the program.
 */
import { writeFileSync } from 'node:fs';
import type { Run, RunOptions, RunResult } from '@flatnet/exec';
import { NETLINK_ROUTE, NetlinkError, openSocket, type Socket } from '@flatnet/netlink';
import { SysError, SysUnavailable, withNetns, type Sys } from '@flatnet/sys';
import { readWords, type IpOperation } from './words.ts';

/** @param open loads libc at the first call. */
export function ipInProcess(run: Run, open: () => Sys): Run {
  const sockets = new Map<string | undefined, Socket>();
  return async (file, args, options) => {
    const call = readCall(file, args, options);
    if (call === undefined) return run(file, args, options);
    if (options?.signal?.aborted === true) return { exitCode: null, stdout: '', stderr: '', ending: 'aborted' };
    const { netns } = call;
    let sys: Sys;
    try {
      sys = open();
      if (call.kind === 'sysctl') return writeSettings(sys, netns ?? '', call.settings);
      const socket = sockets.get(netns) ?? openSocket(sys, NETLINK_ROUTE, netns === undefined ? {} : { netns });
      sockets.set(netns, socket);
      return await performAll(sys, socket, call);
    } catch (error) {
      if (error instanceof SysUnavailable) return run(file, args, options);
      if (error instanceof SysError) return ended(1, '', `${wordsOf(error.code)}: ${error.message}\n`);
      throw error;
    }
  };
}

interface IpCall {
  readonly kind: 'ip';
  readonly netns: string | undefined;
  readonly operations: readonly IpOperation[];
  readonly json: boolean;
}

interface SysctlCall {
  readonly kind: 'sysctl';
  readonly netns: string | undefined;
  readonly settings: readonly (readonly [key: string, value: string])[];
}

/** Undefined where any part of the call is not known. */
function readCall(
  file: string,
  args: readonly string[],
  options: RunOptions | undefined,
): IpCall | SysctlCall | undefined {
  if (file === 'nsenter') {
    const [where = '', dashes, inner = '', ...rest] = args;
    const call = where.startsWith('--net=') && dashes === '--' ? readCall(inner, rest, options) : undefined;
    return call?.netns === undefined && call !== undefined
      ? { ...call, netns: where.slice('--net='.length) }
      : undefined;
  }
  if (file === 'sysctl') return readSysctl(args);
  if (file !== 'ip') return undefined;
  if (args[0] === '-n') {
    const call = readCall('ip', args.slice(2), options);
    return call === undefined ? undefined : { ...call, netns: `/run/netns/${args[1]}` };
  }
  const flags = args.filter((word) => word.startsWith('-') && word !== '-');
  if (flags.some((flag) => !['-j', '-d', '-batch'].includes(flag))) return undefined;
  const lines = flags.includes('-batch')
    ? Buffer.from(options?.input ?? '')
        .toString()
        .trimEnd()
        .split('\n')
    : [args.filter((word) => !word.startsWith('-')).join(' ')];
  const operations = lines.map((line) => readWords(line.split(' ')));
  if (operations.includes(undefined)) return undefined;
  return { kind: 'ip', netns: undefined, operations: operations as IpOperation[], json: flags.includes('-j') };
}

/** `sysctl -e -q -w net/KEY=VALUE…` */
function readSysctl(args: readonly string[]): SysctlCall | undefined {
  const [ignore, quiet, write, ...words] = args;
  if (ignore !== '-e' || quiet !== '-q' || write !== '-w') return undefined;
  const settings = words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const);
  return { kind: 'sysctl', netns: undefined, settings };
}

/** Files below /proc/sys/net are those of the thread's namespace. One that does not exist is left out, as with `sysctl -e`. */
function writeSettings(sys: Sys, netns: string, settings: SysctlCall['settings']): RunResult {
  const failures = withNetns(sys, netns, () =>
    settings.flatMap(([key, value]) => {
      try {
        writeFileSync(`/proc/sys/${key}`, value, { flag: 'r+' });
        return [];
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        return code === 'ENOENT' ? [] : [`sysctl: setting key "${key}": ${message}\n`];
      }
    }),
  );
  return ended(failures.length === 0 ? 0 : 255, '', failures.join(''));
}

/** In order, as a batch: it stops at the first that fails, and those before it have taken effect. */
async function performAll(sys: Sys, socket: Socket, { operations, json }: IpCall): Promise<RunResult> {
  const { perform } = await import('./perform.ts');
  const printed: object[] = [];
  let text = '';
  for (const [at, operation] of operations.entries()) {
    try {
      const answer = await perform(sys, socket, operation);
      if (typeof answer === 'string') text += answer;
      else if (answer !== undefined) printed.push(answer);
    } catch (error) {
      if (!(error instanceof NetlinkError) && !(error instanceof SysError)) throw error;
      if (error.code === 'ETIMEDOUT') return { exitCode: null, stdout: '', stderr: error.message, ending: 'timeout' };
      return ended(1, '', `${sentenceOf(error, operation)}\nCommand failed -:${at + 1}\n`);
    }
  }
  return ended(0, json && printed.length > 0 ? JSON.stringify(printed) : text);
}

const ended = (exitCode: number, stdout: string, stderr = ''): RunResult => ({
  exitCode,
  stdout,
  stderr,
  ending: 'exit',
});

/** In the words of ip(8), by which callers tell errors apart. */
function sentenceOf(error: NetlinkError | SysError, operation: IpOperation): string {
  if (error.code === 'ENODEV' && 'dev' in operation) return `Cannot find device "${operation.dev}"`;
  const reason = error instanceof NetlinkError && error.reason !== undefined ? ` (${error.reason})` : '';
  return `RTNETLINK answers: ${wordsOf(error.code)}${reason}`;
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EEXIST: 'File exists',
  EBUSY: 'Device or resource busy',
  EAGAIN: 'Resource temporarily unavailable',
  EPERM: 'Operation not permitted',
  EACCES: 'Permission denied',
  EINVAL: 'Invalid argument',
  ENODEV: 'No such device',
  ESRCH: 'No such process',
  EXFULL: 'Exchange full',
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  EOPNOTSUPP: 'Operation not supported',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  ENOBUFS: 'No buffer space available',
  ERANGE: 'Numerical result out of range',
};

const wordsOf = (code: string): string => WORDS[code] ?? code;
