import type { Command } from 'commander';
import { isIdentifier } from '@flatnet/cni';
import { getNetwork } from '../conflist/directory.ts';
import { usage } from '../failure.ts';
import { pause, pausedNetworks, resume } from '../paused/paused.ts';
import type { PlaceOptions } from '../places.ts';
import type { World } from '../world.ts';
import { placesFor, withPlaces } from './options.ts';

/** `pause`, `resume`: whether repairs leave a network alone. */
export function addPauseCommands(program: Command, world: World): void {
  withPlaces(program.command('pause [network]'))
    .description('keep repairs away from a network until resume or the next boot; without a name list the paused ones')
    .addHelpText(
      'after',
      '\nContainers come and go as ever: this is for flatnetd and heal alone.\n\nExample:\n  flatnetctl pause web',
    )
    .action((name: string | undefined, options: PlaceOptions) => {
      if (name === undefined) return pausedNetworks().forEach((each) => world.out(`${each}\n`));
      pause(getNetwork(placesFor(world, options).netDir, name).network.name);
      world.out(`${name}\n`);
    });
  program
    .command('resume <network>')
    .description('let repairs take care of a network again')
    .addHelpText('after', '\nExample:\n  flatnetctl resume web')
    .action((name: string) => {
      if (!isIdentifier(name)) throw usage(`${JSON.stringify(name)} is not a network name`, 'flatnetctl pause');
      resume(name);
      world.out(`${name}\n`);
    });
}
