// All of VERSION. Podman asks every plugin of every conflist before each command, so nothing is loaded for it that it does without.
import { kindOf } from './descriptors.ts';
import { finish } from './finish.ts';
import { readStdin } from './read-stdin.ts';
import { answerVersion, parsed } from './version-answer.ts';

/** VERSION needs no input: a caller that says nothing, and keeps stdin open, is not waited for longer. */
const INPUT_MS = 200;
const ANSWER_MS = 20_000;

/** Whether this process was asked for VERSION. */
export const isVersionCommand = (): boolean =>
  process.env['CNI_COMMAND'] === 'VERSION' && !['--version', '--help'].includes(process.argv[2] ?? '');

/** Answers, without a log line, and ends the process. */
export async function answerVersionCommand(): Promise<never> {
  const now = performance.now();
  // A terminal, or /dev/null.
  const says = kindOf(0)?.isCharacterDevice() === false;
  const isWhole = (bytes: Uint8Array): boolean => parsed(bytes) !== undefined;
  const stdin = says ? (await readStdin(now + INPUT_MS, isWhole)).bytes : new Uint8Array();
  return finish(answerVersion(stdin), { until: now + ANSWER_MS });
}
