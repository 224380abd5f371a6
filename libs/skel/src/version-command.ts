// All of VERSION. Podman asks every plugin of every conflist before each command, so nothing is loaded for it that it does without.
import { finish } from './stdio.ts';
import { answerVersion } from './version-answer.ts';

/** Whether this process was asked for VERSION. */
export const isVersionCommand = (): boolean =>
  process.env['CNI_COMMAND'] === 'VERSION' && !['--version', '--help'].includes(process.argv[2] ?? '');

/** Answers, without a log line, and ends the process. */
export const answerVersionCommand = (): Promise<never> => finish(undefined, answerVersion());
