/** The way of a packet through the base chains of a hook, of all programs, in the kernel's order. */
import { type Packet, type Table, tablesOf, trace, type Turn, ruleText, valueText } from '@flatnet/firewall';
import { listNftTable, type Kernel } from '@flatnet/kernel';
import { readFirewalls } from '@flatnet/kernel/firewalls';
import type { Fate, Hop } from './hop.ts';

export type Hook = Packet['hook'];

/** The tables with a base chain of each hook, and what cannot be read, in words. */
export interface Filters {
  readonly tables: readonly Table[];
  readonly unreadable: readonly string[];
}

/** Tables of flatnet that filter. */
const OWN = ['flatnet', 'flatnet_policy'];

/** @throws ToolError. */
export async function readFilters(kernel: Kernel, hook: Hook): Promise<Filters> {
  const own: Table[] = [];
  for (const name of OWN) {
    const objects = (await listNftTable(kernel.nft, 'inet', name, { doing: `read table inet ${name}` })) ?? [];
    own.push(...tablesOf(objects));
  }
  const { tables, unreadable } = await readFirewalls(kernel, hook);
  return { tables: [...own, ...tables], unreadable };
}

/** What a chain of flatnet stands for; empty where its rule speaks for itself. */
export type Meaning = (chain: string) => string;

/** One hop for each rule that decides something, until one ends the packet's way. */
export function throughFilters(filters: Filters, packet: Packet, meaningOf: Meaning): readonly Hop[] {
  const families = ['inet', packet.family === 4 ? 'ip' : 'ip6'];
  const bases = filters.tables
    .flatMap((table) => [...table.chains.values()].map((chain) => ({ table, chain })))
    .filter(({ chain }) => chain.hook === packet.hook && families.includes(chain.family))
    .sort((one, other) => (one.chain.priority ?? 0) - (other.chain.priority ?? 0));
  const hops: Hop[] = [];
  for (const { table, chain } of bases) {
    const { turns, end } = trace(table, chain, packet);
    const deciding = turns.filter(isDeciding);
    const shown = deciding.length > 1 ? deciding.filter(({ verdict }) => verdict !== 'policy accept') : deciding;
    hops.push(...shown.map((turn) => hopOf(turn, meaningOf)));
    if (end === 'accept') continue;
    const last = hops.at(-1) as Hop;
    return [...hops.slice(0, -1), { ...last, verdict: FATES[end] }];
  }
  const unread = filters.unreadable.map((what): Hop => ({
    where: what,
    by: 'it cannot be read',
    because: '',
    verdict: 'unknown',
  }));
  return [...hops, ...unread];
}

const FATES = { drop: 'dropped', reject: 'refused', unclear: 'unknown' } as const satisfies Record<string, Fate>;

/** A jump by a rule only leads to what decides; one by an element is what was looked up. */
const isDeciding = ({ verdict, element }: Turn): boolean => element !== undefined || !/^(?:jump|goto) /.test(verdict);

function hopOf({ chain, rule, element, verdict }: Turn, meaningOf: Meaning): Hop {
  const text = rule === undefined ? '' : ruleText(rule);
  const [key] = Array.isArray(element) ? (element as readonly unknown[]) : [];
  const by =
    element === undefined ? text || verdict : `${valueText(key)} in ${/@\w+/.exec(text)?.[0] ?? text}: ${verdict}`;
  return {
    where: `${chain.family} ${chain.table} ${chain.name}`,
    ...{ by: verdict === 'unclear' ? `${by} (not understood)` : by, verdict: 'passes' },
    because: meaningOf(chain.table === 'flatnet_policy' ? chain.name : ''),
  };
}
