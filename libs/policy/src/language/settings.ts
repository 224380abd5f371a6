/** The keys of a configuration that hold for a network: for the plugin, and for the operator who edits the file. Pure. */
import { PolicyFault, shown } from './fault.ts';
import type { Policy } from './model.ts';
import { NAME, matches } from './patterns.ts';
import { readPolicies } from './read-policies.ts';
import { peerPatterns, select, type UnknownPick, type Verdicts, verdictsOf } from './select.ts';

/**
 * Which other networks' containers a network's containers reach: `open` all; `same-bridge` none of those that are closed too;
 * `isolated` beside that not even each other; `strict` none at all.
 */
export const INGRESS_POLICIES = ['open', 'same-bridge', 'isolated', 'strict'] as const;
export type IngressPolicy = (typeof INGRESS_POLICIES)[number];

/** What reaches a network from outside of the host: `open` all, `published` answers and published ports. */
export const EXTERNALS = ['open', 'published'] as const;
export type External = (typeof EXTERNALS)[number];

export interface Settings {
  readonly ingressPolicy: IngressPolicy;
  readonly external: External;
  /** Names of networks that its containers reach all the same. */
  readonly allowNetworks: readonly string[];
  /** Published ports do not cross the isolation. */
  readonly isolatePublished: boolean;
  readonly policies: readonly Policy[];
}

/** The keys as the configuration has them, by their exact spelling. */
export interface RawSettings {
  readonly ingressPolicy?: string | undefined;
  readonly external?: string | undefined;
  readonly allowNetworks?: readonly string[] | undefined;
  readonly isolatePublished?: boolean | undefined;
  readonly policies?: unknown;
}

/** @throws PolicyFault. */
export function readSettings(raw: RawSettings): Settings {
  return {
    ingressPolicy: wordOf('ingressPolicy', raw.ingressPolicy, INGRESS_POLICIES) ?? 'open',
    external: wordOf('external', raw.external, EXTERNALS) ?? 'open',
    allowNetworks: (raw.allowNetworks ?? []).map((name, index) => {
      if (NAME.test(name)) return name;
      throw new PolicyFault(`allowNetworks[${index}]`, `${shown(name)} is no name of a network; give one`);
    }),
    isolatePublished: raw.isolatePublished ?? false,
    policies: raw.policies === undefined || raw.policies === null ? [] : readPolicies(raw.policies),
  };
}

/** The word in lower case; an empty text is an absent key, as Podman writes it. @throws PolicyFault. */
export function wordOf<W extends string>(field: string, text: string | undefined, words: readonly W[]): W | undefined {
  if (text === undefined || text === '') return undefined;
  const found = words.find((word) => word === text.toLowerCase());
  if (found !== undefined) return found;
  throw new PolicyFault(field, `${shown(text)} is unknown; use one of ${words.join(', ')}`);
}

/** What holds for one container of the network. */
export interface Choice {
  readonly verdicts: Verdicts;
  /** Patterns of peers that mean it. */
  readonly peers: readonly string[];
  /** The policies that hold for it: their names, or where they stand. */
  readonly selected: readonly string[];
}

/** @param names of the container, and its aliases. @param picks policies that it asks for. */
export function choose(
  { policies }: Pick<Settings, 'policies'>,
  network: string,
  names: readonly string[],
  picks: readonly string[],
): Choice | UnknownPick {
  const selected = select(policies, network, names, picks);
  if ('unknown' in selected) return selected;
  return {
    verdicts: verdictsOf(selected),
    peers: peerPatterns(policies).filter((pattern) => matches(pattern, names)),
    selected: selected.map((policy) => policy.name ?? `policies[${policies.indexOf(policy)}]`),
  };
}
