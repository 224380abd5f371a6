/** What makes a table of one state one of another. Pure. */
import { add, chain, elements, flush, remove, rule, table, type NftCommand, type NftJson } from '@flatnet/kernel';
import {
  type Chain,
  type Element,
  isSameChain,
  isSameElement,
  type NamedSet,
  TABLE,
  type TableState,
} from './table-state.ts';

/** Things of `present` that go: everything else that is not wanted is another's. */
export interface Surplus {
  readonly elements: readonly Element[];
  readonly chains: readonly string[];
  readonly sets: readonly string[];
}

/**
 * The commands of one transaction: what is missing of `wanted` comes, what differs is made anew, and `surplus` goes. Chains are changed in
 * place, so that no packet meets a half.
 */
export function changes(present: TableState, wanted: TableState, surplus: Surplus): readonly NftCommand[] {
  const sets = [...wanted.sets.values()].filter(({ name }) => !present.sets.has(name));
  const chains = [...wanted.chains.values()].filter(({ name }) => !present.chains.has(name));
  const differing = [...wanted.chains.values()].filter((each) => {
    const known = present.chains.get(each.name);
    return known !== undefined && !isSameChain(known, each);
  });
  const [stale, missing] = elementChanges(present, wanted);
  const gone = [...stale, ...surplus.elements];
  const body = [
    ...sets.map(addSet),
    ...chains.map(({ name, hook }) => add(chain(TABLE, name, hook))),
    ...differing.map(({ name }) => flush(chain(TABLE, name))),
    ...[...chains, ...differing].flatMap(addRules),
    ...grouped(gone).map(([set, list]) =>
      remove(
        elements(
          TABLE,
          set,
          list.map(({ key }) => key),
        ),
      ),
    ),
    ...grouped(missing).map(([set, list]) => add(elements(TABLE, set, list.map(elementJson)))),
    ...surplus.chains.map((name) => flush(chain(TABLE, name))),
    ...surplus.chains.map((name) => remove(chain(TABLE, name))),
    ...surplus.sets.map((name) => remove({ set: { ...TABLE, name } })),
  ];
  return body.length === 0 || present.sets.size > 0 ? body : [add(table(TABLE)), ...body];
}

/** Those that have another verdict and go first, and those to add. */
function elementChanges(present: TableState, wanted: TableState): readonly [Element[], Element[]] {
  const stale: Element[] = [];
  const missing: Element[] = [];
  for (const [id, element] of wanted.elements) {
    const known = present.elements.get(id);
    if (known !== undefined && isSameElement(known, element)) continue;
    if (known !== undefined) stale.push(known);
    missing.push(element);
  }
  return [stale, missing];
}

function grouped(list: readonly Element[]): readonly (readonly [string, readonly Element[]])[] {
  const groups = new Map<string, Element[]>();
  for (const element of list) {
    const group = groups.get(element.set);
    if (group === undefined) groups.set(element.set, [element]);
    else group.push(element);
  }
  return [...groups];
}

const addSet = ({ name, type, verdicts, interval }: NamedSet): NftCommand => {
  const shape = { family: TABLE.family, table: TABLE.table, name, type };
  if (verdicts === true) return add({ map: { ...shape, map: 'verdict' } });
  return add({ set: { ...shape, ...(interval === true ? { flags: ['interval'] } : {}) } });
};

const addRules = ({ name, rules }: Chain): readonly NftCommand[] =>
  rules.map(({ expr, comment }) => add(rule(TABLE, name, expr, comment)));

function elementJson({ key, verdict, comment }: Element): NftJson {
  const left: NftJson = comment === undefined ? key : { elem: { val: key, comment } };
  return verdict === undefined ? left : [left, verdict];
}
