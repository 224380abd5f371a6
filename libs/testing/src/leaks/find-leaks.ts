import type { Sandbox } from '../sandbox.ts';
import type { Fact, Inventory } from './fact.ts';
import { bridgesIn, MAY_STAY } from './may-stay.ts';
import { takeInventory } from './take-inventory.ts';

/** What is there now and was not before, and what was there and is gone: empty when nothing leaked and nothing was damaged. */
export async function findLeaks(sandbox: Sandbox, before: Inventory): Promise<string[]> {
  return leaksBetween(before, await takeInventory(sandbox));
}

/** The differences that are not named in MAY_STAY, one line each: "left: …" or "lost: …". */
export function leaksBetween(before: Inventory, after: Inventory): string[] {
  const bridges = bridgesIn(before, after);
  const mayStay = (fact: Fact): boolean => MAY_STAY.some((allowance) => allowance.isMeant(fact, bridges));
  const left = difference(after, before).filter((fact) => !mayStay(fact));
  const lost = difference(before, after).filter((fact) => !mayStay(fact) && fact.kind !== 'process');
  return [
    ...left.filter((fact) => !belongsToLinkOf(fact, before)).map(({ kind, text }) => `left: ${kind} ${text}`),
    ...lost.filter((fact) => !belongsToLinkOf(fact, after)).map(({ kind, text }) => `lost: ${kind} ${text}`),
  ];
}

const difference = (some: Inventory, others: Inventory): Fact[] =>
  [...some].filter(([key]) => !others.has(key)).map(([, fact]) => fact);

/** Settings and addresses of a link that the other inventory does not have: the link itself says enough. */
const belongsToLinkOf = (fact: Fact, other: Inventory): boolean =>
  fact.kind !== 'link' && fact.dev !== undefined && !linksOf(other).has(fact.dev);

const names = new WeakMap<Inventory, ReadonlySet<string>>();
function linksOf(inventory: Inventory): ReadonlySet<string> {
  const known = names.get(inventory);
  if (known !== undefined) return known;
  const found = new Set([...inventory.values()].flatMap(({ kind, dev }) => (kind === 'link' ? [dev ?? ''] : [])));
  names.set(inventory, found);
  return found;
}
