/** A file of wanted verdicts: JSON to values. An unknown key is a fault, since a typo would prove nothing. */
import { readFileSync } from 'node:fs';
import { parseIp } from '@flatnet/addressing';
import { listAt, NAME, objectAt, PolicyFault, portAt, shown, textAt, wordAt } from '@flatnet/policy/language';
import { errnoOf, refused, usage } from '../../failure.ts';

/** `blocked`: refused or dropped, whichever. */
export const WANTED = ['passes', 'refused', 'dropped', 'blocked'] as const;
export type Wanted = (typeof WANTED)[number];
export type Found = Exclude<Wanted, 'blocked'>;

/** A stand-in for a container, attached to the network under this name. */
export interface StandIn {
  readonly kind: 'container';
  readonly name: string;
  readonly network: string;
  readonly aliases: readonly string[];
  /** Policies that it picks by name. */
  readonly policies: readonly string[];
}
export type WishEnd =
  | StandIn
  | { readonly kind: 'host' }
  /** Another machine; without an address one of the internet. */
  | { readonly kind: 'outside'; readonly address?: string };

export interface Wish {
  readonly from: WishEnd;
  readonly to: WishEnd;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** The port is published, and asked for at the host. */
  readonly isPublished: boolean;
  readonly verdict: Wanted;
}

export const nameOf = (end: WishEnd): string => {
  if (end.kind === 'container') return `${end.name}@${end.network}`;
  return end.kind === 'host' ? 'host' : (end.address ?? 'internet');
};

/** @throws OperatorError (usage) that names the field at fault. */
export function readWishes(path: string): readonly Wish[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw refused('read', path, error);
  }
  try {
    return listAt('list', JSON.parse(text), readWish);
  } catch (error) {
    if (!(error instanceof PolicyFault) && !(error instanceof SyntaxError)) throw error;
    throw usage(`${path}: ${error.message}`, 'correct the file; flatnetctl policy test --help has an example');
  }
}

const KEYS = ['from', 'to', 'port', 'protocol', 'published', 'verdict'] as const;

function readWish(field: string, value: unknown): Wish {
  const { from, to, port, protocol = 'TCP', published = false, verdict } = objectAt(field, value, KEYS);
  const wish: Wish = {
    ...{ from: readEnd(`${field}.from`, from), to: readEnd(`${field}.to`, to), port: portAt(`${field}.port`, port) },
    ...{ protocol: wordAt(`${field}.protocol`, protocol, ['tcp', 'udp']), isPublished: published === true },
    verdict: wordAt(`${field}.verdict`, verdict, WANTED),
  };
  if (typeof published !== 'boolean') throw new PolicyFault(`${field}.published`, 'it is true or false');
  if (wish.isPublished && wish.to.kind !== 'container')
    throw new PolicyFault(`${field}.to`, 'a container publishes ports; name one');
  if (wish.protocol === 'udp' && (wish.verdict === 'refused' || wish.verdict === 'dropped'))
    throw new PolicyFault(`${field}.verdict`, 'UDP hears of no refusal for certain; use passes or blocked');
  if (nameOf(wish.from) === nameOf(wish.to) || (wish.from.kind === 'outside' && wish.to.kind === 'outside'))
    throw new PolicyFault(`${field}.to`, 'no packet goes there through the host; give another end');
  return wish;
}

const NAME_AT_NETWORK = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}@[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$(?!\n)/;

function readEnd(field: string, value: unknown): WishEnd {
  if (typeof value === 'object') return readStandIn(field, value);
  if (value === 'host') return { kind: 'host' };
  if (value === 'internet') return { kind: 'outside' };
  const address = addressIn(value);
  if (address !== undefined) return { kind: 'outside', address };
  const meaning = 'NAME@NETWORK, an address, internet or host';
  const [name = '', network = ''] = textAt(field, value, NAME_AT_NETWORK, meaning).split('@');
  return { kind: 'container', name, network, aliases: [], policies: [] };
}

function addressIn(value: unknown): string | undefined {
  try {
    return String(parseIp(String(value)));
  } catch {
    return undefined;
  }
}

function readStandIn(field: string, value: unknown): StandIn {
  const { container, aliases, policies } = objectAt(field, value, ['container', 'aliases', 'policies']);
  const meaning = 'NAME@NETWORK';
  const [name = '', network = ''] = textAt(`${field}.container`, container, NAME_AT_NETWORK, meaning).split('@');
  const names = (key: string, list: unknown): readonly string[] =>
    list === undefined ? [] : listAt(`${field}.${key}`, list, (at, item) => textAt(at, item, NAME, 'a name'));
  return {
    ...{ kind: 'container', name, network },
    ...{ aliases: names('aliases', aliases), policies: names('policies', policies) },
  };
}

/** Each container once: what one wish tells of it holds for all. @throws OperatorError (usage) where two differ. */
export function standInsOf(wishes: readonly Wish[]): readonly StandIn[] {
  const found = new Map<string, StandIn>();
  for (const end of wishes.flatMap(({ from, to }) => [from, to])) {
    if (end.kind !== 'container') continue;
    const known = found.get(nameOf(end));
    if (known !== undefined && isPlain(end)) continue;
    if (known !== undefined && !isPlain(known) && shown(known) !== shown(end))
      throw usage(`${nameOf(end)} has two sets of aliases and policies`, 'tell them once, and then write its name');
    found.set(nameOf(end), end);
  }
  return [...found.values()];
}

const isPlain = ({ aliases, policies }: StandIn): boolean => aliases.length + policies.length === 0;
