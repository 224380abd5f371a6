/** What `ipam show` prints. */
import type { Network } from '../conflist/model.ts';
import type { Holding } from '../ipam/leases.ts';
import { useOf } from '../network/use.ts';
import { printListing } from '../output.ts';
import type { World } from '../world.ts';
import type { OutputOption } from './options.ts';

export function showUsage(
  world: World,
  networks: readonly Network[],
  cniPath: readonly string[],
  { output }: OutputOption,
): void {
  const uses = networks.flatMap((network) =>
    useOf(network, cniPath).map(({ subnet, total, in_use: used, free }) => ({
      network: network.name,
      ...{ subnet, total, used, free },
    })),
  );
  printListing(world, output, {
    header: ['NETWORK', 'SUBNET', 'TOTAL', 'IN USE', 'FREE'],
    rows: uses.map(({ network, subnet, total, used, free }) => [network, subnet, ...[total, used, free].map(String)]),
    json: uses,
  });
}

export function showHoldings(world: World, holdings: readonly Holding[], { output }: OutputOption): void {
  const entries = holdings.map(({ network, ip, lease, netns }) => ({
    network,
    address: String(ip),
    containerId: lease?.attachment.containerId ?? '',
    ifName: lease?.attachment.ifName ?? '',
    name: lease?.name ?? '',
    since: lease?.since ?? '',
    netns: lease?.netns ?? '',
    state: netns,
  }));
  printListing(world, output, {
    header: ['NETWORK', 'ADDRESS', 'CONTAINER', 'NAME', 'INTERFACE', 'AGE', 'NETNS'],
    rows: entries.map(({ network, address, containerId, name, ifName, since, state }) => [
      ...[network, address, containerId.slice(0, 23), name, ifName, ageOf(since, world.now()), state],
    ]),
    json: entries,
  });
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
] as const;

/** `3m`, `5h`: the largest unit that fits; empty for what is no time. */
function ageOf(since: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000));
  if (Number.isNaN(seconds)) return '';
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ['s', 1];
  return `${Math.floor(seconds / size)}${unit}`;
}
