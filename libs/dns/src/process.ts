/**
 * The server's process. The file with its number is written by dnsmasq as nobody, and numbers are used again: a process is ours when its
 * program is dnsmasq, its arguments name our configuration, and it is in our network namespace.
 */
import { basename } from 'node:path';
import { sleep } from '@flatnet/exec/sleep';
import { readIfThere } from '@flatnet/kernel/state';
import type { Proc } from './proc.ts';

const confArgument = (conf: string): string => `--conf-file=${conf}`;

/** The arguments that start a server, which goes to the background when it listens. */
export const argumentsFor = (conf: string): readonly string[] => [confArgument(conf)];

/** The number of the living server, by its file, or by a look at all processes. */
export const findServer = (proc: Proc, conf: string, pidFile: string): number | undefined =>
  byFile(proc, conf, pidFile) ?? byArguments(proc, conf);

/** By its file only: a server that has lost it is not found. */
export function byFile(proc: Proc, conf: string, pidFile: string): number | undefined {
  const pid = Number((readIfThere(pidFile) ?? '').trim());
  return Number.isInteger(pid) && pid > 1 && isOurs(proc, pid, conf) ? pid : undefined;
}

const byArguments = (proc: Proc, conf: string): number | undefined =>
  proc.pids().find((pid) => pid > 1 && isOurs(proc, pid, conf));

function isOurs(proc: Proc, pid: number, conf: string): boolean {
  // First what tells most processes apart: all are walked with it.
  if (proc.argumentsOf(pid)?.includes(confArgument(conf)) !== true) return false;
  // An upgrade of the package deletes the program of a running server.
  const program = basename(proc.programOf(pid) ?? '').replace(/ \(deleted\)$/, '');
  const netns = proc.netnsOf(pid);
  return program === 'dnsmasq' && netns !== undefined && netns === proc.netnsOf('self');
}

/** The server reads its folders again. */
export const reloadServer = (proc: Proc, pid: number): void => proc.signal(pid, 'SIGHUP');

const TERM_MS = 1_000;
const POLL_MS = 2;

/** Ends the server, and returns when it is gone: its port is free then. */
export async function endServer(proc: Proc, pid: number): Promise<void> {
  const start = startOf(proc, pid);
  proc.signal(pid, 'SIGTERM');
  const begin = performance.now();
  // Its arguments are gone before its sockets are.
  while (start !== undefined && startOf(proc, pid) === start) {
    await sleep(POLL_MS);
    const passed = performance.now() - begin;
    if (passed > TERM_MS && startOf(proc, pid) === start) proc.signal(pid, 'SIGKILL');
    if (passed > 2 * TERM_MS) return;
  }
}

/** When the process started, in the kernel's words; undefined for one that has ended, also where its parent has not noticed (proc(5)). */
function startOf(proc: Proc, pid: number): string | undefined {
  // The name stands in brackets and may hold anything.
  const fields = (proc.statOf(pid) ?? '').split(') ').at(-1)?.split(' ') ?? [];
  const [state = ''] = fields;
  return ['', 'Z', 'X'].includes(state) ? undefined : fields[19];
}
