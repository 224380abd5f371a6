import type { Conflist, Json } from '@flatnet/testing';
import type { Random } from './random.ts';

/** What a network is, whatever its options are at the moment. */
export interface Network {
  readonly name: string;
  readonly publishes: boolean;
  readonly ipam: Json;
}

const pool = (...subnets: readonly string[]): Json => ({
  type: 'flatnet-ipam',
  ranges: subnets.map((subnet) => [{ subnet }]),
});

export const NETWORKS: readonly Network[] = [
  { name: 'plain', publishes: false, ipam: pool('10.71.0.0/24') },
  { name: 'ports', publishes: true, ipam: { ...pool('10.72.0.0/24'), stickyBy: 'name' } },
  { name: 'dual', publishes: true, ipam: pool('10.73.0.0/24', 'fd73::/64') },
  { name: 'six', publishes: false, ipam: { ...pool('fd74::/64'), cooldown: 1 } },
  // Full at times: it has five addresses.
  { name: 'small', publishes: true, ipam: pool('10.75.0.0/29') },
];

/** The network's file as the administrator has it at this moment. */
export function conflistOf(network: Network, random: Random, hasVlans: boolean): Conflist {
  const main: Json & { type: string } = {
    type: 'flatnet',
    isDefaultGateway: true,
    hairpinMode: true,
    ipMasq: random.chance(0.6),
    antiSpoof: random.chance(0.5),
    clampMSS: random.chance(0.3),
    portIsolation: random.chance(0.3),
    ...(hasVlans && network.name === 'plain' ? { vlan: random.pick([0, 10, 20]) } : {}),
    ipam: network.ipam,
  };
  const portmap = { type: 'flatnet-portmap', capabilities: { portMappings: true } };
  return { cniVersion: '1.1.0', name: network.name, plugins: network.publishes ? [main, portmap] : [main] };
}
