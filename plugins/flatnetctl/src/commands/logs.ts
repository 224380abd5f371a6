import { Option, type Command } from 'commander';
import { VERBS } from '@flatnet/cni';
import { readEntries, renderEntry, type LogFilter } from '../logs/entries.ts';
import type { Format } from '../output.ts';
import type { World } from '../world.ts';
import { wholeNumber } from './options.ts';

interface LogsOptions {
  readonly file: string;
  readonly container?: string;
  readonly network?: string;
  readonly verb?: string;
  readonly errors: boolean;
  readonly tail: number;
  readonly output: Format;
}

/** `logs`: the plugins' log, filtered. */
export function addLogsCommand(program: Command, world: World): void {
  program
    .command('logs')
    .description('what the plugins did: one line per call')
    .option('--container <id>', 'of this container (the first characters will do)')
    .option('--network <name>', 'of this network')
    .addOption(new Option('--verb <verb>', 'of this verb').choices(VERBS))
    .option('--errors', 'failed calls only', false)
    .option('-n, --tail <lines>', 'the last of them', wholeNumber(0, 1e9), 50)
    .option('--file <path>', 'log file', '/run/flatnet/flatnet.log')
    .addOption(
      new Option('-o, --output <format>', 'table, or json lines as logged').choices(['table', 'json']).default('table'),
    )
    .action(({ file, tail, output, ...rest }: LogsOptions) => {
      const filter: LogFilter = rest;
      const entries = readEntries(file, filter);
      for (const entry of tail === 0 ? [] : entries.slice(-tail)) {
        world.out(output === 'json' ? `${entry.line}\n` : renderEntry(world, entry));
      }
    });
}
