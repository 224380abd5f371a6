/** Settings of the host that an ADD may change for good, and that a test puts back. */
import { readdirSync, readFileSync } from 'node:fs';
import { hostEndsOfFlatnet } from '../chain/host-ends.ts';
import type { World } from '../world.ts';

/** Values by key of sysctl(8), with slashes. */
export type Settings = ReadonlyMap<string, string>;

const SHARED = ['net/ipv4/ip_forward'];
const PER_DEVICE = ['forwarding', 'force_forwarding', 'accept_ra'];

/** Devices that come and go with the test are in it too; those that are gone are passed over later. */
export function settingsNow(): Settings {
  const keys = [
    ...SHARED,
    ...devices().flatMap((device) => PER_DEVICE.map((name) => `net/ipv6/conf/${device}/${name}`)),
  ];
  return new Map(
    keys.flatMap((key) => {
      const value = read(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

/** `all` first: what is written there goes to each device. */
function devices(): readonly string[] {
  try {
    const names = readdirSync('/proc/sys/net/ipv6/conf').filter((name) => name !== 'all' && name !== 'lo');
    return ['all', ...names];
  } catch {
    return [];
  }
}

function read(key: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${key}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Writes back what differs; not while another container is attached, which needs the settings too. */
export async function putBack(world: World, before: Settings): Promise<void> {
  const changed = [...before].filter(([key, value]) => ![undefined, value].includes(read(key)));
  if (changed.length === 0 || hostEndsOfFlatnet(world).length > 0) return;
  for (const [key, value] of changed) {
    // Writing to `all` has put others back.
    if (read(key) !== value) await world.run('sysctl', ['-qw', `${key}=${value}`]);
  }
}
