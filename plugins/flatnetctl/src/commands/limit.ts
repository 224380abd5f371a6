import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { underOperatorLock } from '../chain/operator-lock.ts';
import { problem } from '../failure.ts';
import { listLimits, type LimitEntry } from '../limit/list-limits.ts';
import { parseRate, showRate } from '../limit/rate.ts';
import { setLimit } from '../limit/set-limit.ts';
import { printable, printListing } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import type { World } from '../world.ts';
import { placesFor, withOutput, withPlaces, type OutputOption } from './options.ts';

/** `limit show` and `limit set`: how fast containers may receive and send. */
export function addLimitCommands(program: Command, world: World): void {
  const limit = program.command('limit').description('how fast containers may receive (down) and send (up)');
  addShow(limit, world);
  addSet(limit, world);
}

const SHOW_HELP = `
DROPS and WAITING are packets dropped and bytes that wait, down/up. STATE is ok, missing (not as it was set:
\`flatnetctl rules reload\`) or gone (the container is). Exit code 1 when a limit is missing.

Example:
  flatnetctl limit show web --watch`;

interface ShowOptions extends PlaceOptions, OutputOption {
  readonly noheading: boolean;
  readonly watch: boolean;
}

const WATCH_MS = 1_000;

function addShow(limit: Command, world: World): void {
  withOutput(withPlaces(limit.command('show [network] [container]')))
    .description('limits, what they dropped, and what waits')
    .option('-n, --noheading', 'without the heading', false)
    .option('-w, --watch', 'again each second, until Ctrl-C', false)
    .addHelpText('after', SHOW_HELP)
    .action(async (network: string | undefined, container: string | undefined, options: ShowOptions) => {
      const places = placesFor(world, options);
      const shaping = world.shaping();
      for (;;) {
        const entries = listLimits(shaping, places, network, container);
        print(world, entries, options);
        if (!options.watch) return refuseMissing(entries);
        if (!world.isRead()) return;
        await sleep(WATCH_MS);
      }
    });
}

function print(world: World, entries: readonly LimitEntry[], { output, noheading }: ShowOptions): void {
  printListing(world, output, {
    header: ['NETWORK', 'CONTAINER', 'NAME', 'INTERFACE', 'DOWN', 'UP', 'DROPS', 'WAITING', 'STATE'],
    rows: entries.map(({ network, containerId, name, ifName, down, up, state }) => [
      ...[network, containerId.slice(0, 23), name, ifName],
      ...[down, up].map((each) => (each === undefined ? '-' : showRate(each.rate))),
      ...[
        `${down?.drops ?? '-'}/${up?.drops ?? '-'}`,
        `${down?.waitingBytes ?? '-'}/${up?.waitingBytes ?? '-'}`,
        state,
      ],
    ]),
    json: entries,
    noHeading: noheading,
  });
}

function refuseMissing(entries: readonly LimitEntry[]): void {
  const missing = entries.find(({ state }) => state === 'missing');
  if (missing !== undefined) throw problem(missing.missing.join('; '), 'flatnetctl rules reload');
}

const SET_HELP = `
Holds at once, over \`rules reload\` too, until the container is attached anew. 10M and 10Mbit are bits in a second,
1.25MB are bytes; none is no limit.

Example:
  flatnetctl limit set web db --down 10M --up 2M`;

interface SetOptions extends PlaceOptions {
  readonly down?: string;
  readonly up?: string;
  readonly if?: string;
}

function addSet(limit: Command, world: World): void {
  withPlaces(limit.command('set <network> <container>'))
    .description('change the limits of a running container')
    .option('--down <rate>', 'what it may receive')
    .option('--up <rate>', 'what it may send')
    .option('--if <name>', 'its interface, where it has several on the network')
    .addHelpText('after', SET_HELP)
    .action(async (network: string, container: string, { down, up, if: ifName, ...options }: SetOptions) => {
      const places = placesFor(world, options);
      const change = {
        ...(down === undefined ? {} : { down: parseRate('--down', down) ?? null }),
        ...(up === undefined ? {} : { up: parseRate('--up', up) ?? null }),
      };
      const subject = { network, container, ...(ifName === undefined ? {} : { ifName }) };
      const owner = await underOperatorLock(places.cacheDir, async () =>
        setLimit(world.shaping(), places, subject, change),
      );
      const words = (['down', 'up'] as const).flatMap((direction) => {
        const rate = change[direction];
        return rate === undefined ? [] : [`${direction} ${rate === null ? 'no limit' : showRate(rate)}`];
      });
      world.out(printable(`${owner.ifName} of ${owner.containerId} on ${network}: ${words.join(', ')}`) + '\n');
    });
}
