import { InvalidArgumentError, Option, type Command } from 'commander';
import { VERBS } from '@flatnet/cni';
import { idsOf } from '../chain/find-attachment.ts';
import { problem } from '../failure.ts';
import { readEntries, renderEntry, type LogFilter } from '../logs/entries.ts';
import type { Format } from '../output.ts';
import { placesOf } from '../places.ts';
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

/** In small letters too. */
function verbOf(text: string): string {
  const verb = VERBS.find((each) => each === text.toUpperCase());
  if (verb === undefined) throw new InvalidArgumentError(`Allowed choices are ${VERBS.join(', ')}.`);
  return verb;
}

/** `logs`: the plugins' log, filtered. */
export function addLogsCommand(program: Command, world: World): void {
  program
    .command('logs')
    .description('what the plugins did: one line per call')
    .option('--container <id>', 'of this container: its name, its id, or the first characters of it')
    .option('--network <name>', 'of this network')
    .addOption(new Option('--verb <verb>', 'of this verb').choices(VERBS).argParser(verbOf))
    .option('--errors', 'failed calls only', false)
    .option('-n, --tail <lines>', 'the last of them', wholeNumber(0, 1e9), 50)
    .option('--file <path>', 'log file', '/run/flatnet/flatnet.log')
    .addOption(
      new Option('-o, --output <format>', 'table, or json lines as logged').choices(['table', 'json']).default('table'),
    )
    .action(({ file, tail, output, ...rest }: LogsOptions) => {
      const ids = rest.container === undefined ? [] : idsOf(placesOf({}, world.env).cacheDir, rest.container);
      const { verb, errors, ...whose } = { ...rest, ids };
      const filter: LogFilter = { ...whose, errors, ...(verb === undefined ? {} : { verb }) };
      const entries = readEntries(file, filter);
      const of = [rest.container, rest.network].filter((word) => word !== undefined);
      const isUnknown = of.length > 0 && readEntries(file, { ...whose, errors: false }).length === 0;
      if (isUnknown)
        throw problem(`nothing is logged of ${of.join(' on ')}`, 'flatnetctl logs, or flatnetctl network ls');
      for (const entry of tail === 0 ? [] : entries.slice(-tail)) {
        world.out(output === 'json' ? `${entry.line}\n` : renderEntry(world, entry));
      }
    });
}
