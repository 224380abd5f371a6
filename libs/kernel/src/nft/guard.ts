/** Guards of bridge ports as effects: set up, removed, collected, looked for. What they are is `spoof.ts`. */
import { type Run, ToolError } from '@flatnet/exec';
import { applyNft, elementsOf, ensureNft, listNftTable } from './apply.ts';
import { chain, elements, flush, type NftCommand, type NftObject, remove } from './commands.ts';
import {
  BASE,
  GUARD,
  type GuardedPort,
  guardPort,
  guardPortFully,
  portChain,
  portChainPrefix,
  PORTS,
  unguardPort,
} from './spoof.ts';

/** Makes sure that the port is guarded just so: one nft start as a rule, two when something of it is there already. @throws ToolError. */
export const ensureGuard = (run: Run, port: GuardedPort): Promise<void> =>
  ensureNft(run, guardPort(port), () => guardPortFully(port), { doing: `guard port ${port.hostVeth}` });

/** Removes the guard of a port. What is not there needs no removing, and nothing is created to find that out. @throws ToolError. */
export async function dropGuard(run: Run, tag: string, hostVeth: string): Promise<void> {
  const doing = `remove the guard of port ${hostVeth}`;
  try {
    await applyNft(run, unguardPort(tag, hostVeth), { doing });
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
    const remains = await guardRemains(run);
    await applyNft(run, removal(remains, portChain(tag, hostVeth), hostVeth), { doing });
  }
}

/** Names of chains, and of guarded host ends. */
export interface GuardRemains {
  readonly chains: ReadonlySet<string>;
  /** Those of the chains that have rules: a flush of the table leaves the chains. */
  readonly ruled: ReadonlySet<string>;
  readonly ports: ReadonlySet<string>;
}

/** Whether a port is guarded, by what the table holds. */
export const isPortGuarded = ({ ruled, ports }: GuardRemains, tag: string, hostVeth: string): boolean =>
  ports.has(hostVeth) && ruled.has(portChain(tag, hostVeth)) && ruled.has(BASE);

/** What the table holds now; nothing when it does not exist. @throws ToolError. */
export async function guardRemains(run: Run): Promise<GuardRemains> {
  const objects = (await listNftTable(run, GUARD.family, GUARD.table)) ?? [];
  const chains = objects.flatMap((object) => {
    const name = (object['chain'] as NftObject | undefined)?.['name'];
    return typeof name === 'string' ? [name] : [];
  });
  const ruled = objects.flatMap((object) => {
    const name = (object['rule'] as NftObject | undefined)?.['chain'];
    return typeof name === 'string' ? [name] : [];
  });
  const ports = elementsOf(objects, PORTS).flatMap((element) => (Array.isArray(element) ? [String(element[0])] : []));
  return { chains: new Set(chains), ruled: new Set(ruled), ports: new Set(ports) };
}

const removal = (remains: GuardRemains, name: string, port: string): readonly NftCommand[] => [
  ...(remains.ports.has(port) ? [remove(elements(GUARD, PORTS, [port]))] : []),
  ...(remains.chains.has(name) ? [flush(chain(GUARD, name)), remove(chain(GUARD, name))] : []),
];

/** Removes the guards of this network's ports that are not in `valid` (names of host ends). @throws ToolError. */
export async function collectGuards(run: Run, tag: string, valid: ReadonlySet<string>): Promise<void> {
  const remains = await guardRemains(run);
  const ours = [...remains.chains].filter((name) => name.startsWith(portChainPrefix(tag)));
  const stale = ours.filter((name) => !valid.has(portOf(name)));
  const commands = stale.flatMap((name) => removal(remains, name, portOf(name)));
  await applyNft(run, commands, { doing: 'remove guards of ports that are gone' });
}

const portOf = (chainName: string): string => `fl${chainName.slice(chainName.lastIndexOf('_') + 1)}`;
