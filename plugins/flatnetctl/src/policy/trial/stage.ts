/**
 * A throw-away host in a network namespace of its own, on which the networks' files are carried out: nothing of the real host is touched.
 *
 *   flatnet-test-PID-host   the host: bridges, rules
 *   flatnet-test-PID-out    another machine, at 198.51.100.2 and at each address that the list names
 *   flatnet-test-PID-c0 …   the containers
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '@flatnet/addressing';
import { argumentsOf, attach, detach } from '../../chain/attachment.ts';
import type { CachedAttachment } from '../../chain/cache.ts';
import { contextOf, type ChainContext } from '../../chain/context.ts';
import type { PortMapping } from '../../chain/port-mapping.ts';
import { readResult } from '../../chain/result.ts';
import { gcChain } from '../../chain/run-chain.ts';
import type { NetworkFile } from '../../conflist/directory.ts';
import {
  addNamespaces,
  enter,
  mustIp,
  nameOfNetns,
  pathOfNetns,
  removeLeftovers,
  removeNamespaces,
} from '../../selftest/namespaces.ts';
import type { Places } from '../../places.ts';
import type { World } from '../../world.ts';
import { nameOf, type StandIn, type WishEnd } from './wish.ts';

/** Of documentation (RFC 5737, RFC 3849). */
const HOST = { 4: '198.51.100.1', 6: '2001:db8:f1a7::1' } as const;
const OUTSIDE = { 4: '198.51.100.2', 6: '2001:db8:f1a7::2' } as const;
const PREFIX = { 4: 30, 6: 126 } as const;
const FAMILIES = [4, 6] as const;
export type Family = (typeof FAMILIES)[number];
const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

export interface Cast {
  readonly standIns: readonly StandIn[];
  /** What each publishes, by its name. */
  readonly published: ReadonlyMap<string, readonly PortMapping[]>;
  /** Addresses of other machines. */
  readonly outside: readonly string[];
  readonly networks: (folder: string) => readonly NetworkFile[];
}

export interface Stage {
  readonly folder: string;
  /** Path of the namespace that an end is in. */
  netnsOf(end: WishEnd): string;
  /** Addresses of a namespace that has several of a family; else none. */
  addressesIn(netns: string): readonly string[];
  /** Where `asker` asks an end; undefined where it has no address of the family. */
  addressOf(end: WishEnd, family: Family, asker?: WishEnd): string | undefined;
  /** Takes everything back, to the end. */
  close(): Promise<void>;
}

/** @throws OperatorError, after everything was taken back. */
export async function openStage(world: World, places: Places, cast: Cast, interrupted: AbortSignal): Promise<Stage> {
  await removeLeftovers(world);
  const folder = mkdtempSync(join(tmpdir(), 'flatnetctl-policy-'));
  const attached = new Map<string, CachedAttachment>();
  const netns = new Map(cast.standIns.map((each, index) => [nameOf(each), pathOfNetns(`c${index}`)]));
  const inside: World = {
    ...world,
    run: (file, args, options) => world.run(...enter(pathOfNetns('host'), file, args), options),
  };
  let files: readonly NetworkFile[] = [];
  const close = async (): Promise<void> => {
    const context = contextOf(inside, places);
    for (const cached of [...attached.values()].reverse()) {
      const file = files.find(({ network }) => network.name === cached.network) as NetworkFile;
      await quietly(() => detach(context, join(folder, 'cache'), file.network, cached));
    }
    // An ADD that was cut short, and records of an earlier namespace with the same number.
    for (const { network } of files) await quietly(() => gcChain(context, network, []));
    await removeNamespaces(world, String(process.pid), folder);
  };
  try {
    mkdirSync(join(folder, 'leases'), { mode: 0o700 });
    files = cast.networks(folder);
    const parts = ['host', 'out', ...cast.standIns.map((_, index) => `c${index}`)];
    await addNamespaces(world, parts, interrupted);
    await connect(world, cast.outside);
    const context = contextOf(inside, places, interrupted);
    for (const { network } of files) await quietly(() => gcChain(context, network, []));
    for (const [index, standIn] of cast.standIns.entries()) {
      const cached = await attachOne(context, { cast, standIn, index, folder, files });
      attached.set(nameOf(standIn), cached);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    folder,
    close,
    netnsOf: (end) => netns.get(nameOf(end)) ?? pathOfNetns(end.kind === 'host' ? 'host' : 'out'),
    addressesIn: (path) => (path === pathOfNetns('out') ? [...Object.values(OUTSIDE), ...cast.outside] : []),
    addressOf(end, family, asker) {
      if (end.kind === 'outside') {
        if (end.address === undefined) return OUTSIDE[family];
        return familyOf(end.address) === family ? end.address : undefined;
      }
      const { ips } = readResult(
        attached.get(nameOf(end.kind === 'host' && asker !== undefined ? asker : end))?.result ?? {},
      );
      const own = ips.find(({ address }) => familyOf(address) === family);
      if (end.kind === 'container') return own === undefined ? undefined : String(parseCidr(own.address).ip);
      if (asker?.kind === 'container') return own?.gateway;
      return HOST[family];
    },
  };
}

interface Part {
  readonly cast: Cast;
  readonly standIn: StandIn;
  readonly index: number;
  readonly folder: string;
  readonly files: readonly NetworkFile[];
}

async function attachOne(context: ChainContext, part: Part): Promise<CachedAttachment> {
  const { cast, standIn, index, folder, files } = part;
  const { name, network, aliases, policies } = standIn;
  const file = files.find((each) => each.network.name === network) as NetworkFile;
  const ports = cast.published.get(nameOf(standIn)) ?? [];
  const { cniArgs, capabilityArgs } = argumentsOf(file.network, { ips: [], ports, name });
  return attach(context, join(folder, 'cache'), file, {
    ...{ containerId: nameOfNetns(`c${index}`), ifName: 'eth0', netns: pathOfNetns(`c${index}`) },
    cniArgs: policies.length === 0 ? cniArgs : [...cniArgs, ['FLATNET_POLICY', policies.join(',')]],
    capabilityArgs: { ...capabilityArgs, aliases: { [network]: aliases } },
  });
}

/** A wire between the host and the other machine, whose routes lead everywhere. */
async function connect(world: World, outside: readonly string[]): Promise<void> {
  const [host, out] = [nameOfNetns('host'), nameOfNetns('out')];
  await mustIp(world, ['-n', host, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', out]);
  for (const [netns, device, own, other] of [
    [host, 'up0', HOST, OUTSIDE],
    [out, 'eth0', OUTSIDE, HOST],
  ] as const) {
    await mustIp(world, ['-n', netns, 'link', 'set', 'dev', device, 'up']);
    for (const family of FAMILIES) {
      const nodad = family === 6 ? ['nodad'] : [];
      await mustIp(world, ['-n', netns, 'address', 'add', `${own[family]}/${PREFIX[family]}`, 'dev', device, ...nodad]);
      await mustIp(world, ['-n', netns, `-${family}`, 'route', 'add', 'default', 'via', other[family]]);
    }
  }
  for (const address of outside) await mustIp(world, ['-n', out, 'address', 'add', address, 'dev', 'lo']);
}

async function quietly(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch {
    // What stays goes with the namespaces, or is for the next run.
  }
}
