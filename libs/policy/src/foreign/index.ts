/** Beside firewalls of other programs: what each network needs in their tables. */
import { ToolError } from '@flatnet/exec';
import type { Kernel } from '@flatnet/kernel';
import type { Network } from '../model.ts';
import * as firewalld from './firewalld.ts';
import { droppingPrograms, letPass, letPassNoLonger, passDifferences } from './iptables.ts';

type Reader = Pick<Kernel, 'nft' | 'run' | 'proc'>;

/** The firewalls that are to be helped, by the key `backend`. */
const helps = ({ backend }: Network, which: 'iptables' | 'firewalld'): boolean =>
  backend === undefined || backend === which;

/** What is asked for a network: `zone` of firewalld that its bridge is to be in; absent where that is not ours to say. */
export interface Passage {
  readonly network: Network;
  readonly zone?: string;
}

/**
 * The zone of firewalld that the network puts its bridge into, to be recorded before it does; undefined where the operator has put it into
 * one.
 *
 * @param before the zone that was recorded for the bridge.
 */
export async function zoneFor(
  kernel: Reader,
  network: Network,
  before: string | undefined,
): Promise<string | undefined> {
  if (!helps(network, 'firewalld')) return undefined;
  try {
    if (!(await firewalld.isRunning(kernel))) return before;
    const isOurs = before !== undefined || (await firewalld.zoneOf(kernel, network.bridge)) === '';
    return isOurs ? network.firewalldZone : undefined;
  } catch (error) {
    // Its words are told by the question that follows.
    if (error instanceof ToolError) return before ?? network.firewalldZone;
    throw error;
  }
}

/** Asks other firewalls to let packets of the network pass. @returns what could not be done, in words. */
export async function askForPassage(kernel: Reader, { network, zone }: Passage): Promise<readonly string[]> {
  const { bridge } = network;
  const iptables = await unlessMissing(async () => {
    if (!helps(network, 'iptables')) return [];
    const failed: (string | undefined)[] = [];
    for (const program of await droppingPrograms(kernel)) failed.push(await letPass(kernel, program, bridge));
    return failed;
  });
  const zones = await unlessMissing(async () => {
    if (zone === undefined || !(await firewalld.isRunning(kernel))) return [];
    return [await firewalld.join(kernel, zone, bridge)];
  });
  return [...iptables, ...zones].filter((words) => words !== undefined);
}

/** What other firewalls had, and have lost. Changes nothing. */
export async function lostPassage(kernel: Reader, { network, zone }: Passage): Promise<readonly string[]> {
  const { bridge, firewalldZone } = network;
  const iptables = await unlessMissing(async () => {
    if (!helps(network, 'iptables')) return [];
    const lost: string[] = [];
    for (const program of await droppingPrograms(kernel))
      lost.push(...(await passDifferences(kernel, program, bridge)));
    return lost;
  });
  const zones = await unlessMissing(async () => {
    if (!helps(network, 'firewalld') || !(await firewalld.isRunning(kernel))) return [];
    const present = await firewalld.zoneOf(kernel, bridge);
    const isLost = zone === undefined ? present === '' : present !== zone;
    return isLost ? [`firewalld has no device ${bridge} in zone ${zone ?? firewalldZone}`] : [];
  });
  return [...iptables, ...zones];
}

/** For the end of the network, whatever `backend` says by then. Where a program is gone, so is what it filtered. */
export async function endPassage(kernel: Reader, { network, zone }: Passage): Promise<void> {
  await unlessMissing(async () => {
    await letPassNoLonger(kernel, network.bridge);
    return [];
  });
  await unlessMissing(async () => {
    if (zone !== undefined && (await firewalld.isRunning(kernel))) await firewalld.leave(kernel, network.bridge);
    return [];
  });
}

/** A program that is not installed, or cannot be started, ends no ADD: its words are told. */
async function unlessMissing<T>(work: () => Promise<readonly T[]>): Promise<readonly (T | string)[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return [`another firewall cannot be asked to let traffic pass: ${error.message}`];
  }
}
