/** A plan as nft commands. Pure. */
import { sha256Hex } from '@flatnet/digest';
import {
  add,
  chain,
  concat,
  create,
  elements,
  flush,
  jump,
  match,
  type NftCommand,
  type NftJson,
  payload,
  prefix,
  remove,
  rule,
} from '@flatnet/kernel';
import { LOCALNET, mapName, TABLE } from './layout.ts';
import { type Family, type Hairpin, listenKey, type Owner, type Plan, type Port, portsOf } from './model.ts';

/** One element of one map: `[key, value]`. */
export interface Entry {
  readonly map: string;
  readonly key: NftJson;
  readonly value: NftJson;
}

/** Kernel comments hold at most 128 bytes; this one has 44 and no text of a stranger. */
export const commentOf = (owner: Owner): string => `flatnet ${owner.networkHash} ${owner.hash}`;

/** The inverse of `commentOf`; undefined for foreign elements. */
export const ownerInComment = (comment: unknown): { networkHash: string; hash: string } | undefined => {
  const found = typeof comment === 'string' ? /^flatnet ([0-9a-f]{12}) ([0-9a-f]{24})$/.exec(comment) : null;
  return found === null ? undefined : { networkHash: found[1] ?? '', hash: found[2] ?? '' };
};

const allowNames = new Map<string, string>();

/** Named once per list: a range of a thousand ports has a thousand elements that jump to it. */
const allowChain = (family: Family, allowFrom: readonly string[]): string => {
  const text = allowFrom.join();
  const name = allowNames.get(text) ?? sha256Hex(text).slice(0, 24);
  allowNames.set(text, name);
  return `allow${family}_${name}`;
};

const masqueradeChain = ({ family, from }: Hairpin): string =>
  from === 'all' ? `masq${family}_all` : `masq${family}_${from.replaceAll(':', '-').replace('/', '_')}`;

/** Key of a port in the maps `any` and `address` (and their limits). */
export const listenElement = (port: Pick<Port, 'family' | 'protocol' | 'hostIp' | 'hostPort'>): NftJson =>
  port.hostIp === undefined ? concat(port.protocol, port.hostPort) : concat(port.hostIp, port.protocol, port.hostPort);

const entriesOfPort = (port: Port): readonly Entry[] => {
  const key = listenElement(port);
  const one = port.hostIp !== undefined;
  const target = { map: mapName(one ? 'address' : 'any', port.family), key, value: concat(port.address, port.port) };
  if (port.allowFrom === undefined) return [target];
  const value = jump(allowChain(port.family, port.allowFrom));
  return [{ map: mapName(one ? 'limit_address' : 'limit_any', port.family), key, value }, target];
};

const entryOfHairpin = (hairpin: Hairpin): Entry => ({
  map: mapName('hairpin', hairpin.family),
  key: hairpin.address,
  value: { goto: { target: masqueradeChain(hairpin) } },
});

export const entriesOfPorts = (ports: readonly Port[]): readonly Entry[] => ports.flatMap(entriesOfPort);

export const entriesOf = (plan: Plan): readonly Entry[] => [
  ...entriesOfPorts(portsOf(plan.publications)),
  ...plan.hairpins.map(entryOfHairpin),
];

/** Commands stay below the kernel's limit for one argument. */
const PER_COMMAND = 400;

const grouped = (
  entries: readonly Entry[],
  render: (entry: Entry) => NftJson,
  command: (map: string, elem: readonly NftJson[]) => NftCommand,
): readonly NftCommand[] => {
  const byMap = new Map<string, NftJson[]>();
  for (const entry of entries) {
    const elem = byMap.get(entry.map);
    if (elem === undefined) byMap.set(entry.map, [render(entry)]);
    else elem.push(render(entry));
  }
  return [...byMap].flatMap(([name, elem]) =>
    Array.from({ length: Math.ceil(elem.length / PER_COMMAND) }, (_, i) =>
      command(name, elem.slice(i * PER_COMMAND, (i + 1) * PER_COMMAND)),
    ),
  );
};

const tagged =
  (owner: Owner) =>
  (entry: Entry): NftJson => [{ elem: { val: entry.key, comment: commentOf(owner) } }, entry.value];

/** Claims: the transaction fails with `exists` when another attachment holds one of them. */
export const createElements = (owner: Owner, entries: readonly Entry[]): readonly NftCommand[] =>
  grouped(entries, tagged(owner), (name, elem) => create(elements(TABLE, name, elem)));

/** Keeps: no change where the entry is there with this value, `exists` where it has another. */
export const addElements = (owner: Owner, entries: readonly Entry[]): readonly NftCommand[] =>
  grouped(entries, tagged(owner), (name, elem) => add(elements(TABLE, name, elem)));

/** Deletes, by key; `not-found` when one is missing. */
export const deleteElements = (entries: readonly Pick<Entry, 'map' | 'key'>[]): readonly NftCommand[] =>
  grouped(
    entries.map((entry) => ({ ...entry, value: null })),
    (entry) => entry.key,
    (name, elem) => remove(elements(TABLE, name, elem)),
  );

/**
 * Compare and delete: the `add` is no change where the entry is ours or missing, and fails with `exists` where another container has
 * the key by now, so nothing of a stranger can be deleted. nft 1.0.6 knows no `destroy`.
 */
export const release = (owner: Owner, entries: readonly Entry[]): readonly NftCommand[] => [
  ...addElements(owner, entries),
  ...deleteElements(entries),
];

/**
 * Compare and delete for entries as they were listed, of any owner: fails with `exists` or `busy` where a key has another value by now, so
 * an ADD that takes over from a dead container never deletes what a faster ADD created there.
 */
export const releaseAsListed = (entries: readonly Entry[]): readonly NftCommand[] => [
  ...grouped(
    entries,
    ({ key, value }) => [key, value],
    (name, elem) => add(elements(TABLE, name, elem)),
  ),
  ...deleteElements(entries),
];

/** Asserts that these ports are not published on all addresses: `create` fails with `exists`, and what it made is deleted again. */
export const refuseIfAny = (owner: Owner, ports: readonly Port[]): readonly NftCommand[] => {
  // A port on two addresses is one key here, and created twice it would be refused by itself.
  const everywhere = ports.map(({ hostIp: _ip, allowFrom: _from, ...port }) => port);
  const entries = entriesOfPorts([...new Map(everywhere.map((port) => [listenKey(port), port])).values()]);
  return [...createElements(owner, entries), ...deleteElements(entries)];
};

const cidr = (text: string): NftJson => {
  const slash = text.lastIndexOf('/');
  return prefix(text.slice(0, slash), Number(text.slice(slash + 1)));
};

const protocolOf = (family: Family): string => (family === 4 ? 'ip' : 'ip6');

const chainWith = (name: string, rules: readonly (readonly NftJson[])[]): readonly NftCommand[] => [
  add(chain(TABLE, name)),
  flush(chain(TABLE, name)),
  ...rules.map((expr) => add(rule(TABLE, name, expr))),
];

const allowRules = (family: Family, allowFrom: readonly string[]): readonly (readonly NftJson[])[] => [
  ...allowFrom.map((from) => [match(payload(protocolOf(family), 'saddr'), cidr(from)), { return: null }]),
  [{ drop: null }],
];

/**
 * The host's own addresses, of which 127.0.0.0/8 are some: a container on several networks would answer one of them by the network that the
 * address is in, with a source that does not belong there.
 */
const isOfTheHost = match({ fib: { result: 'type', flags: ['saddr'] } }, 'local');

const masqueradeRules = ({ family, from }: Hairpin): readonly (readonly NftJson[])[] => {
  if (from === 'all') return [[{ masquerade: null }]];
  const isSibling = match(payload(protocolOf(family), 'saddr'), cidr(from));
  return [isSibling, isOfTheHost].map((each) => [each, { masquerade: null }]);
};

/** The chains that the plans' elements jump to: name -> commands that build it, whatever is there. */
export const contentChains = (plans: readonly Pick<Plan, 'hairpins' | 'publications'>[]): ContentChains => {
  const chains = new Map<string, readonly NftCommand[]>();
  for (const plan of plans) {
    for (const hairpin of plan.hairpins) {
      chains.set(masqueradeChain(hairpin), chainWith(masqueradeChain(hairpin), masqueradeRules(hairpin)));
    }
    for (const { family, allowFrom } of plan.publications) {
      if (allowFrom === undefined) continue;
      const name = allowChain(family, allowFrom);
      chains.set(name, chainWith(name, allowRules(family, allowFrom)));
    }
  }
  return chains;
};

export type ContentChains = ReadonlyMap<string, readonly NftCommand[]>;

/** Names of the chains that a plan's elements jump to. */
export const chainNames = (plan: Pick<Plan, 'hairpins' | 'publications'>): readonly string[] => [
  ...new Set([
    ...plan.hairpins.map(masqueradeChain),
    ...plan.publications.flatMap(({ family, allowFrom }) =>
      allowFrom === undefined ? [] : [allowChain(family, allowFrom)],
    ),
  ]),
];

/** Whether a chain of the table is one that is named by its content. */
export const isContentChain = (name: string): boolean => /^(?:allow|masq)[46]_/.test(name);

/** Deletes chains. The kernel answers "busy" while an element refers to one, and the whole transaction fails. */
export const removeChains = (names: readonly string[]): readonly NftCommand[] =>
  names.map((name) => remove(chain(TABLE, name)));

/** Takes interfaces that are gone out of the guard. */
export const unguard = (interfaces: readonly string[]): readonly NftCommand[] =>
  interfaces.length === 0 ? [] : [remove(elements(TABLE, LOCALNET, interfaces))];

/** Puts the interface under guard; to be in force before its route_localnet is set. */
export const guardInterface = (plan: Pick<Plan, 'localInterface'>): readonly NftCommand[] =>
  plan.localInterface === undefined ? [] : [add(elements(TABLE, LOCALNET, [plan.localInterface]))];
