import { CommanderError } from 'commander';
import { type Daemon, startDaemon } from './daemon.ts';
import { readOptions } from './options.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs until a signal asks it to end. @returns the exit code. */
export async function runDaemon(args: readonly string[]): Promise<number> {
  const log = (line: string): void => void process.stderr.write(`flatnetd: ${line}\n`);
  let daemon: Daemon;
  try {
    daemon = await startDaemon(readOptions(args), log);
  } catch (error) {
    // commander has told its own by itself.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    log(error instanceof Error ? error.message : String(error));
    return 1;
  }
  const signal = await new Promise<string>((resolve) => SIGNALS.forEach((name) => process.once(name, resolve)));
  log(`${signal}: finishing what is under way`);
  await daemon.stop();
  return 0;
}
