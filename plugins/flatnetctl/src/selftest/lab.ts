/**
 * The throw-away surroundings of a test, all named after the process that makes them:
 *
 *   flatnet-test-PID-a, -b     the two "containers"
 *   flatnet-test-PID-out       the outside world: 198.51.100.2 behind the link flt-PID-o, which knows no route to any container
 *   fltPID                     the network, when none is named; its files are in a temporary folder
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCidr } from '@flatnet/addressing';
import { linkExists } from '@flatnet/kernel';
import type { RunResult } from '@flatnet/exec';
import { problem } from '../failure.ts';
import { takenSubnets } from '../network/taken-subnets.ts';
import type { World } from '../world.ts';
import {
  addNamespaces,
  mustIp,
  nameOfNetns,
  pathOfNetns,
  probe,
  removeLeftovers,
  removeNamespaces,
  uplinkOf,
} from './namespaces.ts';

export interface Lab {
  /** Temporary folder: configuration, cache and leases of the test. */
  readonly folder: string;
  /** Paths of the two containers' namespaces. */
  readonly a: string;
  readonly b: string;
  readonly outside: string;
  /** Makes the link to the outside world. @throws OperatorError */
  connectOutside(family: 4 | 6): Promise<OutsideLink>;
  /** Runs this program, as `flatnetctl probe …`, in a namespace. */
  probe(netns: string, args: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<RunResult>;
  close(): Promise<void>;
}

export interface OutsideLink {
  /** Address of the host, and of the world behind it. */
  readonly host: string;
  readonly world: string;
}

/** Blocks for documentation (RFC 5737, RFC 3849): no service is there. */
const OUTSIDE = {
  4: ['198.51.100.1/30', '203.0.113.1/30', '192.0.2.1/30'],
  6: ['2001:db8:f1a7::1/126', '2001:db8:f1a8::1/126'],
} as const;

/** @throws OperatorError when namespaces cannot be made. */
export async function openLab(world: World, interrupted: AbortSignal): Promise<Lab> {
  await removeLeftovers(world);
  const folder = mkdtempSync(join(tmpdir(), 'flatnetctl-test-'));
  const lab: Lab = {
    ...{ folder, a: pathOfNetns('a'), b: pathOfNetns('b'), outside: pathOfNetns('out') },
    connectOutside: (family) => connectOutside(world, family, nameOfNetns('out')),
    probe: (netns, args, options = {}) => probe(world, folder, netns, args, options),
    close: () => removeNamespaces(world, String(process.pid), folder),
  };
  try {
    await addNamespaces(world, ['a', 'b', 'out'], interrupted);
    return lab;
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function connectOutside(world: World, family: 4 | 6, netns: string): Promise<OutsideLink> {
  const taken = takenSubnets(world.kernel, { netDir: '/nonexistent', driverDirs: [] });
  const host = OUTSIDE[family].map(parseCidr).find((cidr) => !taken.some(({ subnet }) => subnet.overlaps(cidr)));
  if (host === undefined) throw problem('the host routes every documentation address', 'ip route');
  const [uplink, far] = [uplinkOf(String(process.pid)), host.ip.plus(1n)];
  const nodad = family === 6 ? ['nodad'] : [];
  await mustIp(world, ['link', 'add', 'name', uplink, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns]);
  await mustIp(world, ['address', 'add', String(host), 'dev', uplink, ...nodad]);
  await mustIp(world, ['link', 'set', 'dev', uplink, 'up']);
  await mustIp(world, ['-n', netns, 'address', 'add', `${far}/${host.prefix}`, 'dev', 'eth0', ...nodad]);
  await mustIp(world, ['-n', netns, 'link', 'set', 'dev', 'eth0', 'up']);
  return { host: String(host.ip), world: String(far) };
}

/** The host's address on the link to the outside world; undefined where there is none of the family. */
export function addressOfUplink({ kernel }: World, family: 4 | 6): string | undefined {
  const uplink = uplinkOf(String(process.pid));
  if (!linkExists(kernel, uplink)) return undefined;
  return kernel.rtnetlink.listAddresses(uplink).find((each) => each.family === family)?.address;
}
