/** What a process that a runtime calls is made of, for those that are called by another protocol than CNI. */
export { writeWithin } from './descriptors.ts';
export { PACKAGE_VERSION } from './help.ts';
export { appendLog } from './log.ts';
export { readStdin } from './read-stdin.ts';
export { catchSignals, ignoredSignals, restoreSignals } from './signals.ts';
export { writeToStderr } from './finish.ts';
