/** A network of Podman's -> the chain of plugins that makes it: the same chain that a conflist of `flatnetctl network create` has. Pure. */
import { type ChainConfig, defaultBridge, NEWEST_VERSION, type PluginConfig } from '@flatnet/cni';
import type { DriverNetwork, DriverSubnet } from './network.ts';

/** Podman's own, so that `web.dns.podman` goes on to work for those who come from its bridge. */
const DOMAIN = 'dns.podman';

/** Outside of every subnet: flatnet-ipam sets a gateway aside, and a network that has none must not lose its first address to it. */
const NO_GATEWAY = { 4: '169.254.0.1', 6: 'fe80::1' } as const;

export const chainOf = (network: DriverNetwork): ChainConfig => ({
  name: network.name,
  cniVersion: NEWEST_VERSION,
  plugins: [
    main(network),
    ...(hasAddresses(network) ? publishing(network) : []),
    ...(hasAddresses(network) ? guarding(network) : []),
    ...limiting(network),
    ...(hasAddresses(network) ? naming(network) : []),
  ],
});

/** The chain of a network of which nothing but its name can be read: enough for DEL, which finds things by their owner. */
export const chainOfName = (name: string, bridge = ''): ChainConfig => ({
  name,
  cniVersion: NEWEST_VERSION,
  plugins: [
    { type: 'flatnet', bridge: bridge || defaultBridge(name), ipam: { type: 'flatnet-ipam' } },
    ...['flatnet-portmap', 'flatnet-firewall', 'flatnet-bandwidth', 'flatnet-dns'].map((type) => ({ type })),
  ],
});

export const bridgeOf = ({ bridge, name }: Pick<DriverNetwork, 'bridge' | 'name'>): string =>
  bridge || defaultBridge(name);

const hasAddresses = ({ ipam, subnets }: DriverNetwork): boolean => ipam !== 'none' && subnets.length > 0;

function main(network: DriverNetwork): PluginConfig {
  const { internal, options, subnets, routes } = network;
  const isGateway = hasAddresses(network) && subnets.some(({ gateway }) => gateway !== undefined);
  const leads = isGateway && !internal;
  return {
    type: 'flatnet',
    bridge: bridgeOf(network),
    ...{ isGateway, isDefaultGateway: leads && !options.noDefaultRoute, ipMasq: leads, hairpinMode: true, internal },
    ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
    ...(options.vlan === undefined ? {} : { vlan: options.vlan }),
    ...(options.metric === undefined ? {} : { defaultRoutePriority: options.metric }),
    ...(hasAddresses(network)
      ? { ipam: { type: 'flatnet-ipam', ranges: subnets.map((each) => [rangeOf(each)]), routes } }
      : {}),
    capabilities: { ips: true, mac: true },
  };
}

const rangeOf = ({ subnet, gateway, first, last }: DriverSubnet): object => ({
  subnet: String(subnet),
  gateway: String(gateway ?? NO_GATEWAY[subnet.ip.family]),
  ...(first === undefined ? {} : { rangeStart: String(first) }),
  ...(last === undefined ? {} : { rangeEnd: String(last) }),
});

/** From an internal network nothing leads out, so that no answer of a published port could. */
const publishing = ({ internal }: DriverNetwork): readonly PluginConfig[] =>
  internal ? [] : [{ type: 'flatnet-portmap', capabilities: { portMappings: true } }];

function guarding({ internal, options: { isolate, external } }: DriverNetwork): readonly PluginConfig[] {
  const policy = isolate === undefined ? undefined : ({ true: 'same-bridge', strict: 'strict' } as const)[isolate];
  const lets = internal ? 'open' : external;
  if (policy === undefined && lets === 'open') return [];
  return [
    {
      type: 'flatnet-firewall',
      ...(policy === undefined ? {} : { ingressPolicy: policy }),
      ...(lets === 'open' ? {} : { external: lets }),
      capabilities: { aliases: true },
    },
  ];
}

function limiting({ options: { limitDown, limitUp } }: DriverNetwork): readonly PluginConfig[] {
  if (limitDown === undefined && limitUp === undefined) return [];
  return [
    {
      type: 'flatnet-bandwidth',
      ...(limitDown === undefined ? {} : { ingressRate: limitDown }),
      ...(limitUp === undefined ? {} : { egressRate: limitUp }),
    },
  ];
}

function naming({ dnsEnabled, dnsServers, internal }: DriverNetwork): readonly PluginConfig[] {
  if (!dnsEnabled) return [];
  return [
    {
      type: 'flatnet-dns',
      domainName: DOMAIN,
      ...(dnsServers.length === 0 ? {} : { nameservers: dnsServers }),
      internal,
      capabilities: { aliases: true },
    },
  ];
}
