import type { Command } from 'commander';
import { problem } from '../failure.ts';
import { findImage, install, targetsOf } from '../install/install.ts';
import { podmanAdvice } from '../install/podman-backend.ts';
import { DEFAULT_STATE_DIR } from '../install/record.ts';
import { purge, refuseIfUsed, uninstall } from '../install/uninstall.ts';
import type { PlaceOptions } from '../places.ts';
import type { World } from '../world.ts';
import { placesFor, withDryRun, withPlaces } from './options.ts';

interface InstallOptions {
  readonly from?: string;
  readonly pluginDir: string;
  readonly binDir: string;
  readonly stateDir: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

interface UninstallOptions extends PlaceOptions {
  readonly stateDir: string;
  readonly purge: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** `install` and `uninstall`. */
export function addInstallCommands(program: Command, world: World): void {
  withDryRun(program.command('install'))
    .description('put the plugins where runtimes look for them, and this command where people do')
    .option('--plugin-dir <dir>', 'directory of CNI plugins', '/opt/cni/bin')
    .option('--bin-dir <dir>', 'directory of commands', '/usr/local/bin')
    .option('--from <dir>', 'directory of the built executables (default: this executable)')
    .option('--state-dir <dir>', 'where to remember what was installed', DEFAULT_STATE_DIR)
    .option('-f, --force', 'replace files of the same name that flatnetctl did not install', false)
    .action((options: InstallOptions) => {
      const plan = { ...options, image: findImage(options.from) };
      if (options.dryRun) {
        return world.out(
          targetsOf(plan)
            .map((path) => `would install ${path}\n`)
            .join(''),
        );
      }
      for (const { path } of install(plan)) world.out(`installed ${path}\n`);
      const advice = podmanAdvice(world.env);
      if (advice !== undefined) world.err(`${advice}\n`);
      world.err('Next: flatnetctl network create NAME\n');
    });

  withDryRun(withPlaces(program.command('uninstall')))
    .description('remove exactly what install installed')
    .option('--purge', 'also the networks of flatnetctl, nft tables, leases and logs', false)
    .option('--state-dir <dir>', 'where install remembered', DEFAULT_STATE_DIR)
    .option('-f, --force', 'also while containers use flatnet', false)
    .action((options: UninstallOptions) => runUninstall(world, options));
}

async function runUninstall(world: World, options: UninstallOptions): Promise<void> {
  const places = placesFor(world, options);
  if (!options.force) refuseIfUsed(places);
  const word = options.dryRun ? 'would remove' : 'removed';
  const purged = options.purge ? await purge(world, places, options.dryRun) : [];
  const { removed, kept } = uninstall(options.stateDir, options.dryRun);
  for (const what of [...purged, ...removed]) world.out(`${word} ${what}\n`);
  if (kept.length > 0)
    throw problem(`changed since they were installed, so kept: ${kept.join(', ')}`, `rm ${kept.join(' ')}`);
  if (purged.length + removed.length === 0) world.err('nothing was installed by flatnetctl\n');
}
