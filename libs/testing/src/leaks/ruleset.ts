import type { Fact } from './fact.ts';

type Json = Record<string, unknown>;

/** What differs from listing to listing although no rule changed. */
const VOLATILE = new Set(['handle', 'counter', 'expires', 'packets', 'bytes', 'used']);

/** Tables, chains, rules, sets, maps and their elements of all families, from `nft -j list ruleset`. */
export function rulesetFacts(listed: string): readonly Fact[] {
  const { nftables } = JSON.parse(listed) as { nftables: readonly Json[] };
  const places = new Map<string, number>();
  return nftables
    .filter((object) => object['metainfo'] === undefined)
    .flatMap((object) => Object.entries(object))
    .flatMap(([kind, body]) => factsOf(kind, stripped(body) as Json, places));
}

function factsOf(kind: string, body: Json, places: Map<string, number>): Fact[] {
  const { elem, ...own } = body;
  const words = [kind, own['family'], own['table'], own['name'] ?? own['chain']].filter((word) => word !== undefined);
  const elements = Array.isArray(elem) ? elem : [];
  const what = JSON.stringify(own);
  // Two rules of one text are two facts.
  const place = (places.get(what) ?? 0) + 1;
  places.set(what, place);
  return [
    { kind: 'nft', text: `${words.join(' ')} ${what}${place > 1 ? ` (${place})` : ''}` },
    ...elements.map((element): Fact => ({
      kind: 'nft',
      text: `element of ${words.join(' ')} ${JSON.stringify(element)}`,
    })),
  ];
}

function stripped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stripped);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => !(VOLATILE.has(key) && isOfTheKernel(key, inner)));
  return Object.fromEntries(kept.map(([key, inner]) => [key, stripped(inner)]));
}

/** A counter statement of a rule is kept as a statement, without its numbers. */
const isOfTheKernel = (key: string, value: unknown): boolean => key !== 'counter' || typeof value !== 'object';
