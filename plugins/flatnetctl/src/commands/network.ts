import { Option, type Command } from 'commander';
import { type NetworkFile, readDirectory } from '../conflist/directory.ts';
import { findNetwork, networksOf } from '../conflist/driver-networks.ts';
import { Exit, OperatorError, problem } from '../failure.ts';
import { withInterrupts } from '../interrupt.ts';
import { inspectNetwork } from '../network/describe.ts';
import { graphOf, renderDot, renderMermaid } from '../network/graph.ts';
import { policiesByAttachment } from '../policy/of-attachment.ts';
import { renderSvg } from '../network/graph-svg.ts';
import { listNetworks, parseFilters } from '../network/list.ts';
import { migrateNetwork } from '../network/migrate.ts';
import { attachmentsOf, removeNetwork } from '../network/remove.ts';
import { renderJson } from '../output.ts';
import type { PlaceOptions, Places } from '../places.ts';
import type { World } from '../world.ts';
import { addCreate } from './network-create.ts';
import { collect, placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

const DRAWINGS = { mermaid: renderMermaid, dot: renderDot, svg: renderSvg } as const;

interface RemoveOptions extends PlaceOptions {
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** `flatnetctl network …`: the nouns and flags of `podman network`. */
export function addNetworkCommands(program: Command, world: World): void {
  const network = program.command('network').description('networks: create, list, look at, migrate, remove');
  addCreate(network, world);
  addLooking(network, world);
  addMigrating(network, world);
  addRemoving(network, world);
}

function addLooking(network: Command, world: World): void {
  withOutput(withPlaces(network.command('ls').alias('list')))
    .description('list the networks, hand-written ones too')
    .option('-q, --quiet', 'names only', false)
    .option('--filter <key=value>', 'name=, driver= or label=; repeatable', collect, [])
    .option('--no-trunc', 'whole ids')
    .option('-n, --noheading', 'without the heading', false)
    .action(
      (
        options: PlaceOptions & OutputOption & { quiet: boolean; filter: string[]; trunc: boolean; noheading: boolean },
      ) => {
        listNetworks(world, placesFor(world, options), { ...options, filters: parseFilters(options.filter) });
      },
    );

  withPlaces(network.command('inspect <name...>'))
    .description('everything about networks, as JSON: subnets, use, containers, ports')
    .action((names: string[], options: PlaceOptions) => {
      const places = placesFor(world, options);
      world.out(renderJson(names.map((name) => inspectNetwork(findNetwork(places, name), places))));
    });

  withPlaces(network.command('exists <name>'))
    .description('exit code 0 if the network exists, 1 if not')
    .action((name: string, options: PlaceOptions) => {
      const { files } = networksOf(placesFor(world, options));
      if (!files.some((file) => file.network.name === name)) throw new OperatorError(Exit.problem, '', '');
    });

  withPlaces(network.command('graph [name...]'))
    .description('networks, bridges, containers, ports and routes as a picture')
    .addOption(
      new Option('--format <format>', 'mermaid and dot are text').choices(['mermaid', 'dot', 'svg']).default('mermaid'),
    )
    .addHelpText('after', '\nExample:\n  flatnetctl network graph --format svg > networks.svg')
    .action((names: string[], options: PlaceOptions & { format: keyof typeof DRAWINGS }) => {
      const places = placesFor(world, options);
      const files = names.length > 0 ? names.map((name) => findNetwork(places, name)) : networksOf(places).files;
      const graph = graphOf(files, places.cacheDir, policiesByAttachment(world));
      world.out(DRAWINGS[options.format](graph));
    });
}

function addMigrating(network: Command, world: World): void {
  withDryRun(withPlaces(network.command('migrate <name>')))
    .description(
      'make a network of Podman 5 and 6 (driver flatnet) of one of a conflist, with its bridge, subnets and leases',
    )
    .option(
      '--to <dir>',
      'Podman’s folder of networks (default: where containers.conf says, or /etc/containers/networks)',
    )
    .option('-f, --force', 'also where keys of the conflist are lost', false)
    .addHelpText('after', '\nExample:\n  flatnetctl network migrate web --dry-run')
    .action(async (name: string, options: RemoveOptions & { readonly to?: string }) => {
      const places = placesFor(world, options);
      const to = options.to ?? places.driverDirs[0] ?? '/etc/containers/networks';
      const { steps, lost } = await withInterrupts(world, () =>
        migrateNetwork(world, places, name, { ...options, to }),
      );
      for (const each of lost) world.err(`${options.dryRun ? 'would lose' : 'lost'}: ${each}\n`);
      world.out(options.dryRun ? steps.map((step) => `would ${step}\n`).join('') : `${name}\n`);
    });
}

/** What Podman keeps is Podman's to remove. @throws OperatorError */
function ownNetwork(places: Places, name: string): NetworkFile {
  const file = findNetwork(places, name);
  if (file.network.id !== undefined)
    throw problem(`network ${name} is one of Podman (${file.path})`, `podman network rm ${name}`);
  return file;
}

function addRemoving(network: Command, world: World): void {
  withDryRun(withPlaces(network.command('rm <name...>').alias('remove')))
    .description('remove networks with their bridge, leases and rules')
    .option('-f, --force', 'also in use (containers are detached), also hand-written', false)
    .action(async (names: string[], options: RemoveOptions) => {
      const places = placesFor(world, options);
      for (const name of names) {
        const file = ownNetwork(places, name);
        const steps = await withInterrupts(world, () => removeNetwork(world, places, file, options));
        world.out(options.dryRun ? steps.map((step) => `would ${step}\n`).join('') : `${name}\n`);
      }
    });

  withDryRun(withPlaces(network.command('prune')))
    .description('remove the networks of flatnetctl that no container uses')
    .option('-f, --force', 'do it without a question; without a terminal only the candidates are listed', false)
    .action(async (options: RemoveOptions) => {
      const places = placesFor(world, options);
      const unused = readDirectory(places.netDir).files.filter(
        (file) => file.network.created !== undefined && attachmentsOf(places.cacheDir, file.network.name).length === 0,
      );
      const names = unused.map(({ network: { name } }) => name).join(', ');
      const asks = unused.length > 0 && !options.force && !options.dryRun;
      const agrees = asks && world.confirm?.(`Remove ${names}?`) === true;
      const really = (options.force || agrees) && !options.dryRun;
      for (const file of unused) {
        const how = { force: false, dryRun: false };
        if (really) await withInterrupts(world, () => removeNetwork(world, places, file, how));
        world.out(really ? `${file.network.name}\n` : `would remove ${file.network.name}\n`);
      }
      if (unused.length > 0 && !really && !options.dryRun) {
        throw problem('nothing was removed', 'flatnetctl network prune --force');
      }
    });
}
