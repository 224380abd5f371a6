import type { Command } from 'commander';
import { parseIp } from '@flatnet/addressing';
import { getNetwork, readDirectory, type NetworkFile } from '../conflist/directory.ts';
import { readable } from '../conflist/subnets.ts';
import { problem, usage } from '../failure.ts';
import { deadLeases, freeDead, holdingsOf, usageOf, type Holding } from '../ipam/leases.ts';
import { printListing } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import type { World } from '../world.ts';
import { placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

/** `ipam show` and `ipam gc`: the leases of flatnet-ipam. */
export function addIpamCommands(program: Command, world: World): void {
  const ipam = program.command('ipam').description('address leases: who has which, and which are left over');

  withOutput(withPlaces(ipam.command('show [network...]')))
    .description('addresses in use with their owners; without a network of all')
    .option('--ip <address>', 'who has this address; exit code 1 if nobody')
    .option('--summary', 'use per subnet instead', false)
    .action((names: string[], options: PlaceOptions & OutputOption & { ip?: string; summary: boolean }) => {
      const files = filesOf(placesFor(world, options).netDir, names);
      if (options.summary) return showUsage(world, files, options);
      const holdings = files.flatMap(({ network }) => holdingsOf(network));
      if (options.ip === undefined) return showHoldings(world, holdings, options);
      const ip = readable(() => parseIp(options.ip ?? ''));
      if (ip === undefined)
        throw usage(`${JSON.stringify(options.ip)} is not an IP address`, 'give one like 10.87.0.2');
      const found = holdings.filter((holding) => holding.ip.equals(ip));
      if (found.length === 0) throw problem(`${ip} is not in use`, 'flatnetctl ipam show');
      showHoldings(world, found, options);
    });

  withDryRun(withPlaces(ipam.command('gc [network...]')))
    .description('free what attachments left whose network namespace is gone: rules, link, address')
    .action(async (names: string[], options: PlaceOptions & { dryRun: boolean }) => {
      const places = placesFor(world, options);
      const context = { run: world.run, env: world.env, cniPath: places.cniPath };
      for (const file of filesOf(places.netDir, names)) {
        for (const lease of deadLeases(holdingsOf(file.network))) {
          const what = `${lease.ips.join(' ')} of ${lease.attachment.containerId} on ${file.network.name}\n`;
          if (options.dryRun) world.out(`would free ${what}`);
          else if (await freeDead(context, places.cacheDir, file, lease)) world.out(`freed ${what}`);
        }
      }
    });
}

const filesOf = (netDir: string, names: readonly string[]): readonly NetworkFile[] =>
  names.length > 0 ? names.map((name) => getNetwork(netDir, name)) : readDirectory(netDir).files;

function showUsage(world: World, files: readonly NetworkFile[], { output }: OutputOption): void {
  const usages = files
    .filter(({ network }) => network.plugins.some(({ ipam }) => JSON.stringify(ipam ?? '').includes('"flatnet-ipam"')))
    .flatMap(({ network }) => usageOf(network, holdingsOf(network)));
  printListing(world, output, {
    header: ['NETWORK', 'SUBNET', 'TOTAL', 'IN USE', 'FREE'],
    rows: usages.map(({ network, subnet, total, used, free }) => [network, subnet, total, String(used), free]),
    json: usages,
  });
}

function showHoldings(world: World, holdings: readonly Holding[], { output }: OutputOption): void {
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
    header: ['NETWORK', 'ADDRESS', 'CONTAINER', 'NAME', 'INTERFACE', 'SINCE', 'NETNS'],
    rows: entries.map((entry) => [
      ...[
        entry.network,
        entry.address,
        entry.containerId.slice(0, 23),
        entry.name,
        entry.ifName,
        entry.since,
        entry.state,
      ],
    ]),
    json: entries,
  });
}
