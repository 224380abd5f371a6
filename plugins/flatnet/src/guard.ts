import type { Cidr } from '@flatnet/addressing';
import { ToolError } from '@flatnet/exec';
import {
  applyNft,
  chain,
  elements,
  elementsOf,
  ensureNft,
  flush,
  listNftTable,
  remove,
  type Kernel,
  type NftCommand,
  type NftObject,
} from '@flatnet/kernel';
import type { FlatnetConfig } from './config.ts';
import type { Plan } from './plan.ts';
import { GUARD, guardPort, guardPortFully, portChain, portChainPrefix, PORTS, unguardPort } from './spoof.ts';

/** Whether this network's ports are guarded. */
export const isGuarded = ({ antiSpoof, macSpoofCheck }: FlatnetConfig): boolean => antiSpoof || macSpoofCheck;

/** Without addresses (a layer 2 attachment) only the MAC is looked at. @throws ToolError. */
export async function guard(kernel: Kernel, plan: Plan, addresses?: readonly Cidr[]): Promise<void> {
  const { tag, hostVeth, containerMac, config } = plan;
  const port = { tag, hostVeth, containerMac, addresses: config.antiSpoof ? addresses : undefined };
  await ensureNft(kernel.run, guardPort(port), () => guardPortFully(port), { doing: `guard port ${hostVeth}` });
}

/** Removes the guard of a port. What is not there needs no removing, and nothing is created to find that out. @throws ToolError. */
export async function unguard(kernel: Kernel, tag: string, hostVeth: string): Promise<void> {
  const doing = `remove the guard of port ${hostVeth}`;
  try {
    await applyNft(kernel.run, unguardPort(tag, hostVeth), { doing });
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
    const remains = await guardRemains(kernel);
    await applyNft(kernel.run, removal(remains, portChain(tag, hostVeth), hostVeth), { doing });
  }
}

interface GuardRemains {
  readonly chains: ReadonlySet<string>;
  readonly ports: ReadonlySet<string>;
}

/** What the table holds now; nothing when it does not exist. @throws ToolError. */
export async function guardRemains(kernel: Kernel): Promise<GuardRemains> {
  const objects = (await listNftTable(kernel.run, GUARD.family, GUARD.table)) ?? [];
  const chains = objects.flatMap((object) => {
    const name = (object['chain'] as NftObject | undefined)?.['name'];
    return typeof name === 'string' ? [name] : [];
  });
  const ports = elementsOf(objects, PORTS).flatMap((element) => (Array.isArray(element) ? [String(element[0])] : []));
  return { chains: new Set(chains), ports: new Set(ports) };
}

const removal = (remains: GuardRemains, name: string, port: string): readonly NftCommand[] => [
  ...(remains.ports.has(port) ? [remove(elements(GUARD, PORTS, [port]))] : []),
  ...(remains.chains.has(name) ? [flush(chain(GUARD, name)), remove(chain(GUARD, name))] : []),
];

/** Removes the guards of this network's ports that are not in `valid` (names of host ends). @throws ToolError. */
export async function collectGuards(kernel: Kernel, tag: string, valid: ReadonlySet<string>): Promise<void> {
  const remains = await guardRemains(kernel);
  const ours = [...remains.chains].filter((name) => name.startsWith(portChainPrefix(tag)));
  const stale = ours.filter((name) => !valid.has(portOf(name)));
  const commands = stale.flatMap((name) => removal(remains, name, portOf(name)));
  await applyNft(kernel.run, commands, { doing: 'remove guards of ports that are gone' });
}

const portOf = (chainName: string): string => `fl${chainName.slice(chainName.lastIndexOf('_') + 1)}`;
