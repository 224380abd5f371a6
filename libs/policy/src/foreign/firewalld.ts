/**
 * firewalld rejects what comes from a device of no zone that forwards: the bridge joins one, by D-Bus. A device keeps its zone when firewalld
 * reloads, which forgets the sources of zones; it loses it when firewalld starts anew.
 */
import { type Kernel, listNft } from '@flatnet/kernel';

type Reader = Pick<Kernel, 'nft' | 'run'>;

const PLACE = ['--system', 'call', 'org.fedoraproject.FirewallD1', '/org/fedoraproject/FirewallD1'];
const INTERFACE = 'org.fedoraproject.FirewallD1.zone';

const call = ({ run }: Reader, method: string, ...words: readonly string[]) =>
  run('busctl', [...PLACE, INTERFACE, method, 's'.repeat(words.length), ...words]);

/** Whether firewalld filters forwarded packets. @throws ToolError. */
export const isRunning = async ({ nft }: Pick<Kernel, 'nft'>): Promise<boolean> =>
  (await listNft(nft, { family: 'inet', table: 'firewalld', chain: 'filter_FORWARD', terse: true })) !== undefined;

/** The zone that a device was put into; empty: none. */
export async function zoneOf(kernel: Reader, device: string): Promise<string> {
  const { stdout } = await call(kernel, 'getZoneOfInterface', device);
  return /^s "([^"]*)"/.exec(stdout)?.[1] ?? '';
}

/** Puts a device into a zone, out of another. @returns why that could not be, in words. */
export async function join(kernel: Reader, zone: string, device: string): Promise<string | undefined> {
  const before = await zoneOf(kernel, device);
  if (before === zone) return undefined;
  const method = before === '' ? 'addInterface' : 'changeZoneOfInterface';
  const { exitCode, stderr } = await call(kernel, method, zone, device);
  if (exitCode === 0) return undefined;
  return `firewalld does not take ${device} into zone ${zone}: ${stderr.trim().slice(0, 200)}`;
}

/** Takes a device out of whichever zone it is in by now. */
export async function leave(kernel: Reader, device: string): Promise<void> {
  const zone = await zoneOf(kernel, device);
  if (zone !== '') await call(kernel, 'removeInterface', zone, device);
}
