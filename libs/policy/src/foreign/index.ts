/** Beside firewalls of other programs: what each network needs in their tables. */
import { ToolError } from '@flatnet/exec';
import type { Kernel } from '@flatnet/kernel';
import type { Network } from '../model.ts';
import * as firewalld from './firewalld.ts';
import { droppingPrograms, letPass, letPassNoLonger, passDifferences } from './iptables.ts';

type Reader = Pick<Kernel, 'run' | 'proc'>;

/** The firewalls that are to be helped, by the key `backend`. */
const helps = ({ backend }: Network, which: 'iptables' | 'firewalld'): boolean =>
  backend === undefined || backend === which;

/** Asks other firewalls to let packets of the network pass. @returns what could not be done, in words. */
export async function askForPassage(kernel: Reader, network: Network): Promise<readonly string[]> {
  const { bridge, firewalldZone, subnets } = network;
  const iptables = await unlessMissing(async () => {
    if (!helps(network, 'iptables')) return [];
    const failed: (string | undefined)[] = [];
    for (const program of await droppingPrograms(kernel)) failed.push(await letPass(kernel, program, bridge));
    return failed;
  });
  const zones = await unlessMissing(async () => {
    if (!helps(network, 'firewalld') || !(await firewalld.isRunning(kernel))) return [];
    return [await firewalld.join(kernel, firewalldZone, subnets)];
  });
  return [...iptables, ...zones].filter((words) => words !== undefined);
}

/** What other firewalls had, and have lost. Changes nothing. */
export async function lostPassage(kernel: Reader, network: Network): Promise<readonly string[]> {
  const { bridge, firewalldZone, subnets } = network;
  const iptables = await unlessMissing(async () => {
    if (!helps(network, 'iptables')) return [];
    const lost: string[] = [];
    for (const program of await droppingPrograms(kernel))
      lost.push(...(await passDifferences(kernel, program, bridge)));
    return lost;
  });
  const zones = await unlessMissing(async () => {
    if (!helps(network, 'firewalld') || !(await firewalld.isRunning(kernel))) return [];
    return firewalld.outside(kernel, firewalldZone, subnets);
  });
  return [...iptables, ...zones];
}

/** For the end of the network, whatever `backend` says by then. Where a program is gone, so is what it filtered. */
export async function endPassage(kernel: Reader, network: Network): Promise<void> {
  await unlessMissing(async () => {
    await letPassNoLonger(kernel, network.bridge);
    return [];
  });
  await unlessMissing(async () => {
    if (await firewalld.isRunning(kernel)) await firewalld.leave(kernel, network.firewalldZone, network.subnets);
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
