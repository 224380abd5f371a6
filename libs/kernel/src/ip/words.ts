/** The words of ip(8) that this library makes, read as changes. What is not among them is undefined: then the program does it. */

export type IpOperation =
  | { readonly do: 'add-veth'; readonly link: LinkWords & { readonly name: string }; readonly peer: PeerWords }
  | { readonly do: 'add-bridge'; readonly link: LinkWords & { readonly name: string } }
  | { readonly do: 'add-altname'; readonly dev: string; readonly altname: string }
  | { readonly do: 'set-link'; readonly dev: string; readonly changes: LinkWords }
  | { readonly do: 'set-port'; readonly dev: string; readonly port: Readonly<Record<string, boolean>> }
  | { readonly do: 'delete-link'; readonly dev: string }
  | { readonly do: 'add-address'; readonly dev: string; readonly address: string; readonly noDad: boolean }
  | { readonly do: 'append-route'; readonly route: RouteWords }
  | { readonly do: 'show-addresses'; readonly dev: string }
  | { readonly do: 'show-link'; readonly dev: string }
  | { readonly do: 'show-defaults'; readonly family: 4 | 6 };

export interface LinkWords {
  readonly mac?: string;
  readonly mtu?: number;
  readonly group?: number;
  readonly alias?: string;
  readonly noAddress?: boolean;
  readonly master?: string;
  readonly up?: boolean;
  readonly promiscuous?: boolean;
}

export interface PeerWords extends LinkWords {
  readonly name: string;
  /** A path. */
  readonly netns: string;
}

export interface RouteWords {
  readonly destination: string;
  readonly dev: string;
  readonly gateway?: string;
  readonly onlink?: boolean;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly metric?: number;
  readonly table?: number;
  readonly scope?: number;
}

/** One command of a batch, or the arguments of a listing. */
export function readWords(words: readonly string[]): IpOperation | undefined {
  const line = words.join(' ');
  if (line === 'route show exact 0.0.0.0/0') return { do: 'show-defaults', family: 4 };
  if (line === 'route show table all exact ::/0') return { do: 'show-defaults', family: 6 };
  const [object, verb, ...rest] = words;
  if (object === 'link') return readLink(verb, rest);
  if (object === 'address' && verb === 'show') return dev(rest, (name) => ({ do: 'show-addresses', dev: name }));
  if (object === 'address' && verb === 'add') return readAddress(rest);
  return object === 'route' && verb === 'append' ? readRoute(rest) : undefined;
}

const dev = (words: readonly string[], make: (name: string) => IpOperation): IpOperation | undefined =>
  words.length === 2 && words[0] === 'dev' && words[1] !== undefined ? make(words[1]) : undefined;

function readLink(verb: string | undefined, words: readonly string[]): IpOperation | undefined {
  if (verb === 'show') return dev(words, (name) => ({ do: 'show-link', dev: name }));
  if (verb === 'delete') return dev(words, (name) => ({ do: 'delete-link', dev: name }));
  const [first, name = '', ...rest] = words;
  if (verb === 'add' && first === 'name') return readCreation(name, rest);
  if (verb === 'property') {
    const [, target = '', of, altname = ''] = [first, ...words.slice(2)];
    return words[1] === 'dev' && of === 'altname' ? { do: 'add-altname', dev: target, altname } : undefined;
  }
  if (verb !== 'set' || first !== 'dev') return undefined;
  if (rest[0] === 'type' && rest[1] === 'bridge_slave') {
    const port = readPairs(rest.slice(2), { hairpin: onOff, isolated: onOff });
    return port === undefined ? undefined : { do: 'set-port', dev: name, port: port as Record<string, boolean> };
  }
  const changes = readChanges(rest);
  return changes === undefined ? undefined : { do: 'set-link', dev: name, changes };
}

function readCreation(name: string, words: readonly string[]): IpOperation | undefined {
  const at = words.indexOf('type');
  const link = readChanges(words.slice(0, at));
  const [, kind, ...more] = words.slice(at);
  if (at < 0 || link === undefined) return undefined;
  if (kind === 'bridge' && more.length === 0) return { do: 'add-bridge', link: { ...link, name } };
  if (kind !== 'veth' || more[0] !== 'peer' || more[1] !== 'name') return undefined;
  const peer = readPairs(more.slice(1), { ...CHANGES, name: text, netns: text }) as PeerWords | undefined;
  return peer?.netns === undefined ? undefined : { do: 'add-veth', link: { ...link, name }, peer };
}

type Readers = Readonly<Record<string, (value: string) => unknown>>;

const text = (value: string): string => value;
const number = (value: string): number | undefined => (/^\d+$/.test(value) ? Number(value) : undefined);
const onOff = (value: string): boolean | undefined => (value === 'on' ? true : value === 'off' ? false : undefined);
const group = (value: string): number | undefined => (value === 'default' ? 0 : number(value));
const CHANGES: Readers = {
  address: text,
  mtu: number,
  group,
  alias: text,
  master: text,
  promisc: onOff,
  addrgenmode: (value) => (value === 'none' ? true : undefined),
};
const FIELDS: Readonly<Record<string, string>> = {
  ...{ address: 'mac', promisc: 'promiscuous', addrgenmode: 'noAddress', via: 'gateway' },
};

function readChanges(words: readonly string[]): LinkWords | undefined {
  const up = words.at(-1) === 'up';
  const changes = readPairs(up ? words.slice(0, -1) : words, CHANGES);
  return changes === undefined ? undefined : { ...(changes as LinkWords), ...(up ? { up } : {}) };
}

/** Pairs of a word and its value; undefined where a word is not known, or its value is not one. */
function readPairs(words: readonly string[], readers: Readers): Readonly<Record<string, unknown>> | undefined {
  if (words.length % 2 !== 0) return undefined;
  const read: Record<string, unknown> = {};
  for (let at = 0; at < words.length; at += 2) {
    const value = readers[words[at]!]?.(words[at + 1]!);
    if (value === undefined) return undefined;
    read[FIELDS[words[at]!] ?? words[at]!] = value;
  }
  return read;
}

function readAddress([address = '', ...words]: readonly string[]): IpOperation | undefined {
  const rest = words[0] === 'broadcast' && words[1] === '+' ? words.slice(2) : words;
  const noDad = rest.at(-1) === 'nodad';
  const named = noDad ? rest.slice(0, -1) : rest;
  const hasBroadcast = rest !== words;
  // Of IPv4 with a broadcast address and of IPv6 without one; nothing else is made here.
  if (hasBroadcast === address.includes(':')) return undefined;
  return dev(named, (name) => ({ do: 'add-address', dev: name, address, noDad }));
}

function readRoute([destination = '', ...words]: readonly string[]): IpOperation | undefined {
  const onlink = words.includes('onlink');
  const pairs = readPairs(
    words.filter((word) => word !== 'onlink'),
    { via: text, dev: text, mtu: number, advmss: number, metric: number, table: number, scope: number },
  ) as Omit<RouteWords, 'destination' | 'onlink'> | undefined;
  if (pairs?.dev === undefined) return undefined;
  return { do: 'append-route', route: { ...pairs, destination, ...(onlink ? { onlink } : {}) } };
}
