import { Option, type Command } from 'commander';
import { getNetwork, readDirectory } from '../conflist/directory.ts';
import { findNetwork, networksOf } from '../conflist/driver-networks.ts';
import { Exit, OperatorError, problem } from '../failure.ts';
import { withInterrupts } from '../interrupt.ts';
import { createNetwork } from '../network/create.ts';
import { inspectNetwork } from '../network/describe.ts';
import { graphOf, renderDot, renderMermaid } from '../network/graph.ts';
import { policiesByAttachment } from '../policy/of-attachment.ts';
import { renderSvg } from '../network/graph-svg.ts';
import { listNetworks, parseFilters } from '../network/list.ts';
import { ISOLATIONS, type Isolation } from '../network/plan-network.ts';
import { parseLabels, parsePluginOptions } from '../network/plugin-options.ts';
import { attachmentsOf, removeNetwork } from '../network/remove.ts';
import { renderJson } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import type { World } from '../world.ts';
import { collect, placesFor, wholeNumber, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

interface CreateOptions extends PlaceOptions {
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly ipRange: readonly string[];
  readonly opt: readonly string[];
  readonly label: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly allowOverlap: boolean;
  readonly ignore: boolean;
  readonly disableDns: boolean;
  readonly dryRun: boolean;
  readonly mtu?: number;
  readonly isolate?: Isolation | true;
  readonly external?: 'open' | 'published';
}

const DRAWINGS = { mermaid: renderMermaid, dot: renderDot, svg: renderSvg } as const;

interface RemoveOptions extends PlaceOptions {
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** `flatnetctl network …`: the nouns and flags of `podman network`. */
export function addNetworkCommands(program: Command, world: World): void {
  const network = program.command('network').description('networks: create, list, look at, remove');
  addCreate(network, world);
  addLooking(network, world);
  addRemoving(network, world);
}

function addCreate(network: Command, world: World): void {
  withDryRun(withPlaces(network.command('create <name>')))
    .description('write a network configuration for the flatnet plugins')
    .option('--subnet <cidr|auto>', 'repeatable; auto takes a free one (the default)', collect, [])
    .option('--gateway <ip>', 'address of the bridge in the subnet (default: the first)', collect, [])
    .option('--ip-range <range>', 'hand out only these: CIDR or first-last', collect, [])
    .option('--ipv6', 'add a free IPv6 subnet when none is given', false)
    .option('--internal', 'no way out: no default route, no masquerade, no published ports', false)
    .addOption(
      new Option(
        '--isolate [from]',
        'keep other isolated networks out (the default), the other containers, both, or all networks',
      ).choices(ISOLATIONS),
    )
    .addOption(
      new Option('--external <what>', 'what comes in from the LAN (default: published, with masquerade)').choices([
        'open',
        'published',
      ]),
    )
    .option('--allow-overlap', 'accept a subnet that a route or another network has', false)
    .option('--mtu <bytes>', 'MTU of bridge and containers', wholeNumber(68, 65535))
    .option('--opt <key=value>', 'a key of the flatnet plugin, like portIsolation=true', collect, [])
    .option('--label <key=value>', 'a label, shown by podman too', collect, [])
    .option('--dns <ip>', 'name server for the containers', collect, [])
    .option('--dns-search <domain>', 'search domain for the containers', collect, [])
    .option('--disable-dns', 'containers do not find each other by name', false)
    .option('--ignore', 'succeed when the network exists', false)
    .addHelpText(
      'after',
      '\nExamples:\n  flatnetctl network create web\n  flatnetctl network create db --subnet 10.87.7.0/24 --internal',
    )
    .action(async (name: string, options: CreateOptions) => {
      const { subnet, gateway, ipRange, label, dns, dnsSearch, ipv6, internal, allowOverlap, mtu } = options;
      const { opt, isolate } = isolationOf(options);
      const wish = {
        ...{
          name,
          subnets: subnet,
          gateways: gateway,
          ipRanges: ipRange,
          ipv6,
          internal,
          allowOverlap,
          dns,
          dnsSearch,
          names: !options.disableDns && world.names.dnsmasq() !== undefined,
        },
        ...(mtu === undefined ? {} : { mtu }),
        ...(isolate === undefined ? {} : { isolate }),
        ...(options.external === undefined ? {} : { external: options.external }),
        options: parsePluginOptions(opt),
        labels: parseLabels(label),
      };
      const outcome = await withInterrupts(world, (interrupted) =>
        createNetwork(world, placesFor(world, options), wish, { ...options, interrupted }),
      );
      world.out(options.dryRun ? outcome.text : `${name}\n`);
      if (!options.disableDns && !wish.names) world.err('containers will have no names: dnsmasq is not installed\n');
      if (options.dryRun) world.err(`would write ${outcome.path}\n`);
    });
}

/** `--isolate`, or Podman's spelling of it among the `--opt`s. */
function isolationOf({ opt, isolate }: CreateOptions): { opt: readonly string[]; isolate?: Isolation } {
  const podmans = opt.includes('isolate=strict') ? 'strict' : opt.includes('isolate=true') ? 'networks' : undefined;
  const asked = isolate === true ? 'networks' : (isolate ?? podmans);
  const rest = opt.filter((text) => !/^isolate=(?:true|false|strict)$/.test(text));
  return asked === undefined ? { opt: rest } : { opt: rest, isolate: asked };
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

function addRemoving(network: Command, world: World): void {
  withDryRun(withPlaces(network.command('rm <name...>').alias('remove')))
    .description('remove networks with their bridge, leases and rules')
    .option('-f, --force', 'also in use (containers are detached), also hand-written', false)
    .action(async (names: string[], options: RemoveOptions) => {
      const places = placesFor(world, options);
      for (const name of names) {
        const file = getNetwork(places.netDir, name);
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
