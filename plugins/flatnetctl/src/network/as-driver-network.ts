/** A network of a conflist -> the network of Podman 5 and 6 that is the same, as Podman keeps it. Pure. */
import { defaultBridge, type PluginConfig } from '@flatnet/cni';
import { chainOf, decodeDriverNetwork } from '@flatnet/driver';
import type { Network } from '../conflist/model.ts';
import { ipamOf } from '../conflist/model.ts';
import { gatewayOf, subnetsOf, type ConfiguredSubnet } from '../conflist/subnets.ts';

export interface DriverForm {
  /** What Podman's file holds, but for `id` and `created`. */
  readonly document: Readonly<Record<string, unknown>>;
  /** Keys of the conflist that a network of Podman has no form for, in words. */
  readonly lost: readonly string[];
}

/** @param network with its plugins as they run. @throws CniError code 7 that names what cannot be. */
export function asDriverNetwork(network: Network): DriverForm {
  const document = documentOf(network);
  return { document, lost: lostBy(network, chainOf(decodeDriverNetwork(document)).plugins) };
}

const pluginOf = ({ plugins }: Pick<Network, 'plugins'>, type: string): PluginConfig | undefined =>
  plugins.find((plugin) => plugin.type === type);

function documentOf(network: Network): DriverForm['document'] {
  const { name, labels } = network;
  const main = pluginOf(network, 'flatnet') ?? { type: 'flatnet' };
  const dns = pluginOf(network, 'flatnet-dns');
  const servers = dns?.['nameservers'];
  const subnets = subnetsOf(network);
  const internal = main['internal'] === true;
  return {
    name,
    driver: 'flatnet',
    network_interface: typeof main['bridge'] === 'string' ? main['bridge'] : defaultBridge(name),
    subnets: subnets.map((each) => subnetOf(each, main['isGateway'] !== false)),
    ...routesOf(network),
    ipv6_enabled: subnets.some(({ subnet }) => subnet.ip.family === 6),
    internal,
    dns_enabled: dns !== undefined,
    ...(Array.isArray(servers) && servers.length > 0 ? { network_dns_servers: servers } : {}),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    options: optionsOf(network, main, internal),
    ipam_options: { driver: 'flatnet-ipam' },
  };
}

const subnetOf = (given: ConfiguredSubnet, hasGateway: boolean): object => ({
  subnet: `${given.subnet.network}/${given.subnet.prefix}`,
  ...(hasGateway ? { gateway: gatewayOf(given) } : {}),
  ...(given.rangeStart === undefined && given.rangeEnd === undefined
    ? {}
    : {
        lease_range: {
          ...(given.rangeStart === undefined ? {} : { start_ip: given.rangeStart }),
          ...(given.rangeEnd === undefined ? {} : { end_ip: given.rangeEnd }),
        },
      }),
});

/** Default routes follow from the gateway. */
function routesOf(network: Network): object {
  const { routes } = ipamOf(network);
  const given = (Array.isArray(routes) ? routes : []) as readonly Readonly<Record<string, unknown>>[];
  const others = given.filter(({ dst }) => dst !== '0.0.0.0/0' && dst !== '::/0');
  if (others.length === 0) return {};
  return {
    routes: others.map(({ dst, gw, priority }) => ({
      destination: dst,
      ...(gw === undefined ? {} : { gateway: gw }),
      ...(priority === undefined ? {} : { metric: priority }),
    })),
  };
}

const ISOLATION: Readonly<Record<string, string>> = { 'same-bridge': 'true', strict: 'strict' };

function optionsOf(network: Network, main: PluginConfig, internal: boolean): Readonly<Record<string, string>> {
  const firewall = pluginOf(network, 'flatnet-firewall');
  const bandwidth = pluginOf(network, 'flatnet-bandwidth');
  const isolate = ISOLATION[String(firewall?.['ingressPolicy'])];
  const external = firewall?.['external'] === 'published' ? 'published' : 'open';
  const options: Readonly<Record<string, unknown>> = {
    mtu: main['mtu'],
    vlan: main['vlan'],
    metric: main['defaultRoutePriority'],
    isolate,
    external: internal || external === 'published' ? undefined : external,
    no_default_route: main['isDefaultGateway'] === false && !internal ? 'true' : undefined,
    limit_down: bandwidth?.['ingressRate'],
    limit_up: bandwidth?.['egressRate'],
  };
  const set = Object.entries(options).filter(([, value]) => value !== undefined && value !== 0);
  return Object.fromEntries(set.map(([key, value]) => [key, String(value)]));
}

/** What a runtime fills in, what names things, and what is written out elsewhere. */
const KEPT = new Set([
  'type',
  'capabilities',
  'ipam',
  'bridge',
  'isDefaultGateway',
  'hairpinMode',
  'defaultRoutePriority',
]);
const IPAM_KEPT = new Set(['type', 'ranges', 'subnet', 'rangeStart', 'rangeEnd', 'gateway', 'routes']);

function lostBy(network: Network, made: readonly PluginConfig[]): readonly string[] {
  const ofPlugins = network.plugins.flatMap((plugin) => {
    const same = made.find(({ type }) => type === plugin.type);
    // A firewall that lets all in and isolates nothing does nothing.
    if (same === undefined) return plugin.type === 'flatnet-firewall' && isIdle(plugin) ? [] : [plugin.type];
    return Object.entries(plugin)
      .filter(([key, value]) => !KEPT.has(key) && JSON.stringify(value) !== JSON.stringify(same[key]))
      .map(([key, value]) => `${plugin.type} ${key}=${JSON.stringify(value)}`);
  });
  const ofIpam = Object.entries(ipamOf(network))
    .filter(([key]) => !IPAM_KEPT.has(key))
    .map(([key, value]) => `ipam ${key}=${JSON.stringify(value)}`);
  const sets: unknown = ipamOf(network)['ranges'];
  const shared = (Array.isArray(sets) ? sets : []).some((set) => Array.isArray(set) && set.length > 1);
  return [...ofPlugins, ...ofIpam, ...(shared ? ['a range set with several ranges'] : [])];
}

const isIdle = ({ ingressPolicy = 'open', external = 'open', ...rest }: PluginConfig): boolean =>
  ingressPolicy === 'open' && external === 'open' && !('policies' in rest);
