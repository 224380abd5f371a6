import { readFileSync } from 'node:fs';

/** R: runs or waits for a processor. D: inside the kernel, e.g. waiting for the lock of the network stack. Z: done, and not yet noticed. */
const AT_WORK = new Set(['R', 'D', 'Z']);

/**
 * Whether a program is not hanging but slow: a hundred containers that start at once keep an `ip` waiting for processor and kernel
 * longer than any deadline that a hanging one deserves. A process asleep (S) at its deadline counts as hung.
 * Source: proc(5), /proc/PID/stat, field 3.
 */
export function isAtWork(pid: number | undefined): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return AT_WORK.has(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
