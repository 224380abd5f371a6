/**
 * The server's process. The file with its number is written by dnsmasq as nobody, and numbers are used again: a process is ours when its
 * program is dnsmasq, its arguments name our configuration, and it is in our network namespace.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { sleep } from '@flatnet/exec/sleep';
import { readIfThere } from '@flatnet/kernel/state';

const confArgument = (conf: string): string => `--conf-file=${conf}`;

/** The arguments that start a server, which goes to the background when it listens. */
export const argumentsFor = (conf: string): readonly string[] => [confArgument(conf)];

/** The number of the living server, by its file, or by a look at all processes. */
export const findServer = (conf: string, pidFile: string): number | undefined =>
  byFile(conf, pidFile) ?? byArguments(conf);

/** By its file only: a server that has lost it is not found. */
export function byFile(conf: string, pidFile: string): number | undefined {
  const pid = Number((readIfThere(pidFile) ?? '').trim());
  return Number.isInteger(pid) && pid > 1 && isOurs(pid, conf) ? pid : undefined;
}

const byArguments = (conf: string): number | undefined =>
  readdirSync('/proc')
    .map(Number)
    .find((pid) => pid > 1 && isOurs(pid, conf));

function isOurs(pid: number, conf: string): boolean {
  try {
    // First what tells most processes apart: /proc is walked with it.
    if (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(confArgument(conf))) return false;
    // An upgrade of the package deletes the program of a running server.
    const program = basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, '');
    return program === 'dnsmasq' && readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net');
  } catch {
    return false;
  }
}

function signal(pid: number, name: 'SIGHUP' | 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The server reads its folders again. */
export const reloadServer = (pid: number): void => signal(pid, 'SIGHUP');

const TERM_MS = 1_000;
const POLL_MS = 2;

/** Ends the server, and returns when it is gone: its port is free then. */
export async function endServer(pid: number): Promise<void> {
  const start = startOf(pid);
  signal(pid, 'SIGTERM');
  const begin = performance.now();
  // Its arguments are gone before its sockets are.
  while (start !== undefined && startOf(pid) === start) {
    await sleep(POLL_MS);
    const passed = performance.now() - begin;
    if (passed > TERM_MS && startOf(pid) === start) signal(pid, 'SIGKILL');
    if (passed > 2 * TERM_MS) return;
  }
}

/** When the process started, in the kernel's words; undefined for one that has ended, also where its parent has not noticed (proc(5)). */
function startOf(pid: number): string | undefined {
  // The name stands in brackets and may hold anything.
  const fields = statOf(pid).split(') ').at(-1)?.split(' ') ?? [];
  const [state = ''] = fields;
  return ['', 'Z', 'X'].includes(state) ? undefined : fields[19];
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}
