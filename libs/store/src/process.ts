import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf, StoreError } from './error.ts';

/**
 * The process that uses the store, and whether others are still alive. An owner is written `<pid>.<start time>.<namespaces>`: a pid alone is reused,
 * and means nothing outside its pid namespace; the start time (clock ticks since boot) shifts with a time namespace.
 */
export interface Processes {
  readonly bootId: string;
  readonly self: string;
  /** True only if the owner certainly runs no more; `unknown` when it lives in namespaces that cannot be seen from here. */
  stateOf(owner: string): 'alive' | 'dead' | 'unknown';
  /** Seconds since boot: a clock that cannot be set back. */
  uptime(): number;
}

/** An owner in namespaces that we cannot see is given up on after this time: 20 times the deadline of a command. */
export const FOREIGN_SECONDS = 600;

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const OWNER = /^([1-9][0-9]*)\.([0-9]+)\.([0-9]+-[0-9]+)$/;
const GONE_STATES = new Set(['Z', 'X', 'x']);

/** Fields of /proc/<pid>/stat after the command, which may itself hold blanks and parentheses (proc_pid_stat(5)). */
const statFields = (pid: string): readonly string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};
const STATE = 0;
const START_TIME = 19;

const namespaces = (): string => ['pid', 'time'].map(namespaceNumber).join('-');

const namespaceNumber = (kind: string): string => {
  try {
    return /\d+/.exec(readlinkSync(`/proc/self/ns/${kind}`))?.[0] ?? '0';
  } catch {
    // Kernels before 5.6 have no time namespaces.
    return '0';
  }
};

export const realProcesses = (): Processes => {
  const bootId = readProc(BOOT_ID);
  const here = namespaces();
  return {
    bootId,
    self: `${process.pid}.${ownStartTime()}.${here}`,
    uptime: () => Number.parseFloat(readFileSync('/proc/uptime', 'latin1')),
    stateOf: (owner) => {
      const match = OWNER.exec(owner);
      // A name that no process of ours can have written has no owner.
      if (match === null) return 'dead';
      const [, pid = '', startTime = '', where = ''] = match;
      return where === here ? stateOfPid(pid, startTime) : 'unknown';
    },
  };
};

const readProc = (path: string): string => {
  try {
    const text = readFileSync(path, 'utf8').trim();
    if (/^[0-9a-f-]{8,64}$/.test(text)) return text;
  } catch (error) {
    throw new StoreError('io', 'the boot id cannot be read: is /proc mounted?', path, { cause: error });
  }
  throw new StoreError('io', 'the boot id is not a UUID', path);
};

const ownStartTime = (): string => {
  try {
    return statFields('self')[START_TIME] ?? '';
  } catch (error) {
    throw new StoreError('io', 'the start time of this process cannot be read', '/proc/self/stat', { cause: error });
  }
};

/** Asks the cheap way first: of 200 processes at once each looks at all others. */
const stateOfPid = (pid: string, startTime: string): 'alive' | 'dead' => {
  if (!exists(pid)) return 'dead';
  try {
    const fields = statFields(pid);
    return fields[START_TIME] !== startTime || GONE_STATES.has(fields[STATE] ?? '') ? 'dead' : 'alive';
  } catch {
    // It ended in between, or /proc hides strangers (hidepid): then it must count as alive.
    return exists(pid) ? 'alive' : 'dead';
  }
};

const exists = (pid: string): boolean => {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
};

/** Whether a process of our pid namespace runs: it exists and is no zombie. */
export const isRunning = (pid: number): boolean => {
  try {
    return !GONE_STATES.has(statFields(String(pid))[STATE] ?? '');
  } catch {
    return exists(String(pid));
  }
};
