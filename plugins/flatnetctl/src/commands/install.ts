import { join } from 'node:path';
import type { Command } from 'commander';
import { problem, usage } from '../failure.ts';
import { dropInDirectory, namesToTake } from '../install/drop-in.ts';
import { DROP_IN_NAMES } from '../install/drop-in-names.ts';
import { filesOf, findImage, install, type InstallPlan } from '../install/install.ts';
import { podmanAdvice } from '../install/podman-backend.ts';
import { DEFAULT_STATE_DIR, type InstalledFile } from '../install/record.ts';
import { defaultDriverDir } from '@flatnet/driver/runtime-config';
import { namesThatGo, purge, refuseIfNamed, refuseIfUsed, uninstall } from '../install/uninstall.ts';
import { withInterrupts } from '../interrupt.ts';
import { createNetwork } from '../network/create.ts';
import { defaultPluginDir, type PlaceOptions, type Places } from '../places.ts';
import type { World } from '../world.ts';
import { placesFor, withDryRun, withPlaces } from './options.ts';

interface InstallOptions extends PlaceOptions {
  readonly from?: string;
  readonly pluginDir?: string;
  readonly binDir: string;
  readonly driverDir?: string;
  readonly stateDir: string;
  readonly dropIn: boolean;
  readonly sample: boolean;
  readonly yes: boolean;
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
  withDryRun(withPlaces(program.command('install')))
    .description('put the plugins where runtimes look for them, and this command where people do')
    .option(
      '--plugin-dir <dir>',
      'directory of CNI plugins (default: /opt/cni/bin, or else the first that runtimes search)',
    )
    .option('--bin-dir <dir>', 'directory of commands', '/usr/local/bin')
    .option(
      '--driver-dir <dir>',
      'directory of netavark drivers (default: /usr/local/libexec/netavark, or else the first that netavark searches)',
    )
    .option('--from <dir>', 'directory of the built executables (default: this executable)')
    .option('--state-dir <dir>', 'where to remember what was installed', DEFAULT_STATE_DIR)
    .option('--drop-in', `also take the names ${DROP_IN_NAMES.join(', ')}; asks first`, false)
    .option('--sample', 'also create a network named flatnet', false)
    .option('-y, --yes', 'do not ask', false)
    .option('-f, --force', 'replace files that flatnetctl did not install, and plugins in use', false)
    .addHelpText(
      'after',
      '\nWith --drop-in, `podman network create` and conflists written for the reference plugins use flatnet. Their files are kept\nbeside ours (bridge.before-flatnet) and put back by `flatnetctl uninstall`.',
    )
    .action((options: InstallOptions) => runInstall(world, options));

  withDryRun(withPlaces(program.command('uninstall')))
    .description('remove exactly what install installed, and put back what it replaced')
    .option('--purge', 'also the networks of flatnetctl, nft tables, leases and logs', false)
    .option('--state-dir <dir>', 'where install remembered', DEFAULT_STATE_DIR)
    .option('-f, --force', 'also while containers use flatnet', false)
    .action((options: UninstallOptions) => runUninstall(world, options));
}

async function runInstall(world: World, options: InstallOptions): Promise<void> {
  const places = placesFor(world, options);
  const plan = planOf(world, options, places);
  const files = filesOf(plan);
  const replaced = files.filter(({ aside }) => aside !== undefined);
  if (options.dryRun) {
    world.out(files.map((file) => `would install ${wordsOf(file)}\n`).join(''));
    if (options.sample) world.out(`would create network flatnet in ${places.netDir}\n`);
    return;
  }
  if (plan.dropInDir !== undefined) await agreeToDropIn(world, options, plan.dropInDir, replaced, places);
  for (const file of await withInterrupts(world, () => install(plan))) world.out(`installed ${wordsOf(file)}\n`);
  if (options.sample) await createSample(world, places, plan.pluginDir);
  const advice = await podmanAdvice(world);
  if (advice !== undefined) world.err(`${advice}\n`);
  if (!places.cniPath.includes(plan.pluginDir))
    world.err(`Podman does not search ${plan.pluginDir}: add it to cni_plugin_dirs in containers.conf\n`);
  world.err(`Next: ${options.sample ? 'podman run --network flatnet …' : 'flatnetctl network create NAME'}\n`);
}

function planOf(world: World, options: InstallOptions, { cniPath }: Places): InstallPlan {
  const { binDir, stateDir, force, dropIn } = options;
  const pluginDir = options.pluginDir ?? defaultPluginDir(options, world.env);
  const driverDir = options.driverDir ?? defaultDriverDir(world.env);
  const notAbsolute = [pluginDir, binDir, driverDir, stateDir].find((directory) => !directory.startsWith('/'));
  if (notAbsolute !== undefined)
    throw usage(`${JSON.stringify(notAbsolute)} is not an absolute path`, `give ${join(process.cwd(), notAbsolute)}`);
  const common = { image: findImage(options.from), pluginDir, binDir, driverDir, stateDir, force };
  return dropIn ? { ...common, dropInDir: dropInDirectory(cniPath, pluginDir) } : common;
}

const wordsOf = ({ path, mark, aside }: InstalledFile): string =>
  `${path}${mark.startsWith('-> ') ? ` ${mark}` : ''}${aside === undefined ? '' : ` (what it was is ${aside.path})`}`;

async function agreeToDropIn(
  world: World,
  { yes, force }: InstallOptions,
  directory: string,
  replaced: readonly InstalledFile[],
  places: Places,
): Promise<void> {
  if (!force) await refuseIfUsed(world, places, DROP_IN_NAMES, 'flatnetctl install --drop-in');
  if (yes) return;
  const again = 'flatnetctl install --drop-in --yes';
  if (world.confirm === undefined) throw usage('--drop-in asks first, and this is no terminal', again);
  const old = replaced.length === 0 ? 'nothing is replaced' : `${replaced.length} files there are kept aside`;
  const question = `Every network of the reference plugins will use flatnet: take ${namesToTake().join(', ')} in ${directory} (${old})?`;
  if (!world.confirm(question)) throw problem('nothing was installed', again);
}

/** An ordinary network of `network create`; it is there to be tried, so an older one of the name will do. */
async function createSample(world: World, places: Places, pluginDir: string): Promise<void> {
  const wish = {
    ...{ name: 'flatnet', subnets: [], gateways: [], ipRanges: [], dns: [], dnsSearch: [], options: {}, labels: {} },
    ...{ ipv6: false, internal: false, allowOverlap: false, names: world.names.dnsmasq() !== undefined },
  };
  const cniPath = [...new Set([pluginDir, ...places.cniPath])];
  const { path } = await createNetwork(world, { ...places, cniPath }, wish, { dryRun: false, ignore: true });
  world.out(`network flatnet: ${path}\n`);
}

async function runUninstall(world: World, options: UninstallOptions): Promise<void> {
  const places = placesFor(world, options);
  if (!options.force) {
    await refuseIfUsed(world, places, namesThatGo(options.stateDir), 'flatnetctl uninstall');
    refuseIfNamed(places, options.stateDir);
  }
  const would = options.dryRun ? 'would ' : '';
  const purged = options.purge ? await purge(world, places, options.dryRun) : [];
  const { removed, restored, left, kept } = await withInterrupts(world, () =>
    uninstall(options.stateDir, options.dryRun),
  );
  for (const what of [...purged, ...removed]) world.out(`${would}${would ? 'remove' : 'removed'} ${what}\n`);
  for (const what of restored) world.out(`${would}${would ? 'restore' : 'restored'} ${what}\n`);
  for (const path of left)
    world.out(`${would}${would ? 'leave' : 'left'} ${path}, a newer one than flatnetctl replaced\n`);
  if (kept.length > 0) {
    const next = "look at them, remove what is flatnet's, then flatnetctl uninstall";
    throw problem(`changed since they were installed, so kept: ${kept.join(', ')}`, next);
  }
  if (purged.length + removed.length + restored.length + left.length === 0)
    world.err('nothing was installed by flatnetctl\n');
}
