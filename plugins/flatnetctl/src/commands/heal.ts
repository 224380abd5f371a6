import type { Command } from 'commander';
import { underOperatorLock } from '../chain/operator-lock.ts';
import { Exit, OperatorError, problem } from '../failure.ts';
import { printable, renderJson } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import { pausedNetworks } from '../paused/paused.ts';
import { heal, type Healed } from '../rules/heal.ts';
import type { RuleEntry } from '../rules/rule-entry.ts';
import type { World } from '../world.ts';
import { collect, placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

const HELP = `
Bridges with their addresses and ports, forwarding, published ports, masquerade, guards, limits, names and policies of living
containers are made again where they are missing. What dead containers left is freed. Paused networks stay as they are.
flatnetd runs this by itself whenever the kernel tells of a loss.

Examples:
  flatnetctl heal
  flatnetctl heal --dry-run`;

/** `heal`: one comparison of what is recorded with the kernel, and the repair. */
export function addHealCommand(program: Command, world: World): void {
  withOutput(withDryRun(withPlaces(program.command('heal'))))
    .description('make what is missing again, and free what dead containers left')
    .option('--except <network>', 'leave this network as it is; repeatable', collect, [])
    .addHelpText('after', HELP)
    .action(async (options: PlaceOptions & OutputOption & { dryRun: boolean; except: readonly string[] }) => {
      const places = placesFor(world, options);
      const wish = { except: [...pausedNetworks(), ...options.except], dryRun: options.dryRun };
      const outcome = await underOperatorLock(places.cacheDir, () => heal(world, places, wish));
      if (options.output === 'json') world.out(renderJson(outcome));
      else print(world, outcome, options.dryRun);
      const failures = outcome.failed.length + outcome.freed.filter(({ outcome: how }) => how === 'failed').length;
      if (failures === 0) return;
      if (options.output === 'json') throw new OperatorError(Exit.problem, '', '');
      throw problem(`${failures} things are still wrong`, 'flatnetctl doctor');
    });
}

function print(world: World, { rebuilt, dropped, failed, freed }: Healed, dryRun: boolean): void {
  rebuilt.forEach((entry) => world.out(printable(`${dryRun ? 'would rebuild' : 'rebuilt'} ${words(entry)}`) + '\n'));
  dropped.forEach(({ network, containerId }) =>
    world.out(printable(`dropped the record of ${containerId} on ${network}: it is gone`) + '\n'),
  );
  freed.forEach(({ finding: { network, containerId, mark }, outcome, reason }) =>
    world.out(printable(`${outcome} what ${containerId || mark} left on ${network}${reason && `: ${reason}`}`) + '\n'),
  );
  failed.forEach((entry) => world.err(printable(`missing ${words(entry)}: ${entry.reason}`) + '\n'));
}

const words = ({ kind, network, rule, name, containerId }: RuleEntry): string =>
  `${kind} ${rule} of ${name || containerId || network} on ${network}`;
