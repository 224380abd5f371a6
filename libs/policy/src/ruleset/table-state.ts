/** A table as a value: its chains, sets and elements. Pure. */
import type { BaseHook, NftJson, NftTable } from '@flatnet/kernel';

export const TABLE: NftTable = { family: 'inet', table: 'flatnet_policy' };

export interface Rule {
  readonly expr: readonly NftJson[];
  readonly comment?: string;
}

export interface Chain {
  readonly name: string;
  readonly hook?: BaseHook;
  readonly rules: readonly Rule[];
}

/** A set, or with `verdicts` a verdict map. */
export interface NamedSet {
  readonly name: string;
  readonly type: string | readonly string[];
  readonly verdicts?: true;
  /** Its elements may be prefixes. */
  readonly interval?: true;
}

export interface Element {
  readonly set: string;
  readonly key: NftJson;
  /** Of a map. */
  readonly verdict?: NftJson;
  /** Whose it is: the hash of an attachment or of a network. */
  readonly comment?: string;
}

/** Each of the three by its name; elements by set and key. */
export interface TableState {
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<string, NamedSet>;
  readonly elements: ReadonlyMap<string, Element>;
}

export const elementId = ({ set, key }: Pick<Element, 'set' | 'key'>): string => `${set} ${JSON.stringify(key)}`;

export const stateOf = ({
  chains = [],
  sets = [],
  elements = [],
}: {
  readonly chains?: readonly Chain[];
  readonly sets?: readonly NamedSet[];
  readonly elements?: readonly Element[];
}): TableState => ({
  chains: new Map(chains.map((chain) => [chain.name, chain])),
  sets: new Map(sets.map((set) => [set.name, set])),
  elements: new Map(elements.map((element) => [elementId(element), element])),
});

export const NOTHING = stateOf({});

/** Where two have the same thing, the later one's. */
export const together = (...states: readonly TableState[]): TableState => ({
  chains: new Map(states.flatMap(({ chains }) => [...chains])),
  sets: new Map(states.flatMap(({ sets }) => [...sets])),
  elements: new Map(states.flatMap(({ elements }) => [...elements])),
});

/** What the kernel has counted is no difference. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (key, inner: unknown) => (key === 'counter' ? null : inner));

const ruleText = ({ expr, comment }: Rule): string => textOf([expr, comment ?? null]);

export const isSameChain = (one: Chain, other: Chain): boolean =>
  one.rules.length === other.rules.length &&
  one.rules.every((rule, index) => ruleText(rule) === ruleText(other.rules[index] as Rule));

export const isSameElement = (one: Element, other: Element): boolean => textOf(one.verdict) === textOf(other.verdict);

/** The chain that an element or a rule leads to. */
export function targetsOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(targetsOf);
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    (key === 'jump' || key === 'goto') && typeof inner === 'object' && inner !== null && 'target' in inner
      ? [String(inner.target)]
      : targetsOf(inner),
  );
}
