/** Values -> nft commands. Pure. */
import {
  add,
  chain,
  create,
  elements,
  flush,
  jump,
  map,
  remove,
  rule,
  table,
  type NftCommand,
  type NftJson,
  type NftTable,
} from '@flatnet/kernel';
import { IN_USE, type Base } from './layout.ts';
import type { Chain, Element, Part } from './wanted.ts';

const named = (at: NftTable, { map: name, key, target }: Element): { name: string; pair: NftJson; at: NftTable } => ({
  ...{ at, name, pair: [key, jump(target)] },
});

const rulesOf = (at: NftTable, chains: readonly Chain[]): readonly NftCommand[] =>
  chains.flatMap(({ name, rules }) => rules.map((expr) => add(rule(at, name, expr))));

/** Builds what every attachment needs, whatever exists: the base chains get their rules anew, elements stay. Idempotent. */
export const buildBase = ({ at, chains, maps }: Base): readonly NftCommand[] => [
  add(table(at)),
  add(chain(at, IN_USE)),
  ...chains.map(({ name, hook }) => add(chain(at, name, hook))),
  ...Object.entries(maps).map(([name, type]) => add(map(at, name, type, 'verdict'))),
  ...chains.map(({ name }) => flush(chain(at, name))),
  ...rulesOf(at, chains),
];

/** Creates a part; fails with `exists` where a chain or a key exists, and with `not-found` where the base is missing. Only adds. */
export const createPart = ({ base: { at }, chains, elements: entries }: Part): readonly NftCommand[] => [
  ...chains.map(({ name }) => create(chain(at, name))),
  ...rulesOf(at, chains),
  ...entries.map((entry) => {
    const { name, pair } = named(at, entry);
    return create(elements(at, name, [pair]));
  }),
];

/**
 * Compare and delete: adding is no change where the element exists like this or not at all, and fails with `exists` where its key is
 * another attachment's by now. So nothing foreign can be deleted; nft 1.0.6 has no `destroy`.
 */
export const deleteElements = (at: NftTable, entries: readonly Element[]): readonly NftCommand[] =>
  entries.flatMap((entry) => {
    const { name, pair } = named(at, entry);
    return [add(elements(at, name, [pair])), remove(elements(at, name, [entry.key]))];
  });

/** Fails with `not-found` where a chain is missing, and with `busy` where something still refers to it. */
export const deleteChains = (at: NftTable, names: readonly string[]): readonly NftCommand[] =>
  names.flatMap((name) => [flush(chain(at, name)), remove(chain(at, name))]);

/** The table, unless an attachment has a chain in it: then `busy`. @param chains those of the base that exist. */
export const deleteTable = (at: NftTable, chains: readonly string[]): readonly NftCommand[] => [
  ...chains.filter((name) => name !== IN_USE).map((name) => flush(chain(at, name))),
  ...(chains.includes(IN_USE) ? [remove(chain(at, IN_USE))] : []),
  remove(table(at)),
];
