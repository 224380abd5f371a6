import { type Command, Option } from 'commander';
import { withInterrupts } from '../interrupt.ts';
import { createNetwork } from '../network/create.ts';
import { ISOLATIONS, type Isolation } from '../network/plan-network.ts';
import { parseLabels, parsePluginOptions } from '../network/plugin-options.ts';
import type { PlaceOptions } from '../places.ts';
import type { World } from '../world.ts';
import { collect, placesFor, wholeNumber, withDryRun, withPlaces } from './options.ts';

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

/** `network create`. */
export function addCreate(network: Command, world: World): void {
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
