import { InvalidArgumentError, Option, type Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { VERBS } from '@flatnet/cni';
import { LogFollower } from '@flatnet/skel/follow-log';
import { idsOf } from '../chain/find-attachment.ts';
import { problem } from '../failure.ts';
import { entriesOf, readEntries, renderEntry, type LogEntry, type LogFilter } from '../logs/entries.ts';
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
  readonly since?: string;
  readonly follow: boolean;
  readonly output: Format;
}

/** In small letters too. */
function verbOf(text: string): string {
  const verb = VERBS.find((each) => each === text.toUpperCase());
  if (verb === undefined) throw new InvalidArgumentError(`Allowed choices are ${VERBS.join(', ')}.`);
  return verb;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `10m`, or a time as the log has it. @returns ISO 8601. */
function sinceOf(text: string): string {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time = unit === '' ? Date.parse(text) : Date.now() - Number(count) * (SECONDS[unit] ?? 0) * 1000;
  if (Number.isNaN(time)) throw new InvalidArgumentError('Give 90s, 10m, 2h, 1d, or a time like 2026-01-02T03:04:05Z.');
  return new Date(time).toISOString();
}

const FOLLOW_MS = 250;

/** `logs`: the plugins' log, filtered. */
export function addLogsCommand(program: Command, world: World): void {
  program
    .command('logs')
    .description('what the plugins did: one line per call')
    .option('--container <id>', 'of this container: its name, its id, or the first characters of it')
    .option('--network <name>', 'of this network')
    .addOption(new Option('--verb <verb>', 'of this verb').choices(VERBS).argParser(verbOf))
    .option('--errors', 'failed calls only', false)
    .addOption(new Option('--since <time>', 'not before: 10m ago, or 2026-01-02T03:04:05Z').argParser(sinceOf))
    .option('-f, --follow', 'go on with what comes, until Ctrl-C', false)
    .option('-n, --tail <lines>', 'the last of them', wholeNumber(0, 1e9), 50)
    .option('--file <path>', 'log file', '/run/flatnet/flatnet.log')
    .addOption(
      new Option('-o, --output <format>', 'table, or json lines as logged').choices(['table', 'json']).default('table'),
    )
    .action(async ({ file, tail, output, follow, ...rest }: LogsOptions) => {
      const follower = new LogFollower(file);
      const ids = rest.container === undefined ? [] : idsOf(placesOf({}, world.env).cacheDir, rest.container);
      const { verb, errors, since, ...whose } = { ...rest, ids };
      const filter: LogFilter = {
        ...{ ...whose, errors },
        ...(verb === undefined ? {} : { verb }),
        ...(since === undefined ? {} : { since }),
      };
      const print = (entry: LogEntry): void =>
        world.out(output === 'json' ? `${entry.line}\n` : renderEntry(world, entry));
      const entries = readEntries(file, filter);
      const of = [rest.container, rest.network].filter((word) => word !== undefined);
      const isUnknown = of.length > 0 && readEntries(file, { ...whose, errors: false }).length === 0;
      if (isUnknown && !follow)
        throw problem(`nothing is logged of ${of.join(' on ')}`, 'flatnetctl logs, or flatnetctl network ls');
      (tail === 0 ? [] : entries.slice(-tail)).forEach(print);
      while (follow && world.isRead()) {
        await sleep(FOLLOW_MS);
        entriesOf(follower.poll(), filter).forEach(print);
      }
    });
}
