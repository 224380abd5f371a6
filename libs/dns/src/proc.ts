/** The processes of this host, by /proc. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export type Signal = 'SIGHUP' | 'SIGTERM' | 'SIGKILL';

/** What is asked of processes, and told them. A process that is gone has no answer. */
export interface Proc {
  pids(): readonly number[];
  argumentsOf(pid: number): readonly string[] | undefined;
  /** Path of its program, with ` (deleted)` behind it where an upgrade of the package has replaced the file. */
  programOf(pid: number): string | undefined;
  /** `net:[4026531840]` */
  netnsOf(pid: number | 'self'): string | undefined;
  /** The line of proc_pid_stat(5). */
  statOf(pid: number): string | undefined;
  /** Success where there is no such process. @throws the system error of one that may not be signalled. */
  signal(pid: number, name: Signal): void;
}

const tried = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

export const realProc: Proc = {
  pids: () =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0),
  argumentsOf: (pid) => tried(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')),
  programOf: (pid) => tried(() => readlinkSync(`/proc/${pid}/exe`)),
  netnsOf: (pid) => tried(() => readlinkSync(`/proc/${pid}/ns/net`)),
  statOf: (pid) => tried(() => readFileSync(`/proc/${pid}/stat`, 'latin1')),
  signal(pid, name) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  },
};
