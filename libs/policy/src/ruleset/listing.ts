/** nft's objects of the table -> its value. Pure. */
import type { BaseHook, NftJson, NftObject } from '@flatnet/kernel';
import { type Chain, type Element, type NamedSet, type Rule, stateOf, type TableState } from './table-state.ts';

type Inner = Readonly<Record<string, NftJson>>;
const ofKind = (objects: readonly NftObject[], kind: string): readonly Inner[] =>
  objects.flatMap((object) => (object[kind] === undefined ? [] : [object[kind] as Inner]));

export function readState(objects: readonly NftObject[]): TableState {
  const rules = new Map<string, Rule[]>();
  for (const { chain, expr, comment } of ofKind(objects, 'rule')) {
    const rule = { expr: expr as readonly NftJson[], ...(comment === undefined ? {} : { comment: String(comment) }) };
    rules.set(String(chain), [...(rules.get(String(chain)) ?? []), rule]);
  }
  const chains = ofKind(objects, 'chain').map(({ name, type, hook, prio, policy }): Chain => ({
    name: String(name),
    rules: rules.get(String(name)) ?? [],
    ...(hook === undefined ? {} : { hook: { type, hook, prio, policy } as unknown as BaseHook }),
  }));
  const holders = [...ofKind(objects, 'set'), ...ofKind(objects, 'map')];
  return stateOf({ chains, sets: holders.map(readSet), elements: holders.flatMap(readElements) });
}

const readSet = ({ name, type, map, flags }: Inner): NamedSet => ({
  name: String(name),
  type: type as string | readonly string[],
  ...(map === undefined ? {} : { verdicts: true }),
  ...(flags === undefined ? {} : { interval: true }),
});

/** An element is its key, `{elem: {val: key, comment}}`, or of a map a pair of that and the verdict. */
function readElements({ name, map, elem = [] }: Inner): readonly Element[] {
  return (elem as readonly NftJson[]).map((each): Element => {
    const [left, verdict] = map === undefined ? [each] : (each as readonly [NftJson, NftJson]);
    const inner = (left as { elem?: { val: NftJson; comment?: string } } | null)?.elem;
    return {
      set: String(name),
      key: inner?.val ?? left,
      ...(verdict === undefined ? {} : { verdict }),
      ...(inner?.comment === undefined ? {} : { comment: inner.comment }),
    };
  });
}
