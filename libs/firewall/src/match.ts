/** Whether a packet fits an expression of a rule. What is not understood is `maybe`. */
import { parseIp } from '@flatnet/addressing';
import { entryOf, listOf, recordOf, textOf } from './json.ts';
import type { Packet } from './packet.ts';
import type { Table } from './ruleset.ts';
import * as value from './value.ts';
import type { Answer, Interval, Value } from './value.ts';

/** What is not understood, in nft's JSON. */
export type Note = (what: unknown) => void;

export interface Context {
  readonly packet: Packet;
  readonly table: Table;
  readonly note: Note;
}

/** The body of a `match` statement. */
export function matches(context: Context, body: unknown): Answer {
  const { op, left, right } = recordOf(body);
  const compared = compare(context, left, right, textOf(op));
  return compared ?? unclear(context, left);
}

const unclear = ({ note }: Context, what: unknown): 'maybe' => {
  note(what);
  return 'maybe';
};

function compare(context: Context, left: unknown, right: unknown, op: string): Answer | undefined {
  const masked = listOf(recordOf(left)['&']);
  if (masked.length === 2) return compareMasked(context, masked, right, op);
  const parts = keysOf(left).map((key) => fieldOf(context.packet, key));
  // nftables ends a rule that asks for what the packet lacks.
  if (parts.some((part) => part?.kind === 'absent')) return 'no';
  const wanted = wantedOf(context.table, right);
  if (wanted === undefined) return undefined;
  if (['<', '>', '<=', '>='].includes(op)) return beyond(parts[0], wanted[0], op);
  const answer = op === 'in' && parts[0]?.kind === 'flags' ? sharing(parts[0], wanted) : fits(parts, wanted);
  return answer === undefined ? undefined : op === '!=' ? value.not(answer) : answer;
}

/** The answer for each key of a verdict map, `undefined` where it is not understood; the packet may lack what the map asks for. */
export function lookUp(context: Context, left: unknown, key: unknown): Answer | undefined {
  const parts = keysOf(left).map((each) => fieldOf(context.packet, each));
  if (parts.some((part) => part?.kind === 'absent')) return 'no';
  return fits(parts, [key]);
}

/** A concatenation has several keys, anything else one. */
const keysOf = (left: unknown): readonly unknown[] => {
  const parts = listOf(recordOf(left)['concat']);
  return parts.length > 0 ? parts : [left];
};

/** What is known of the field that an expression reads. */
export function fieldOf({ fields }: Packet, left: unknown): Value | undefined {
  const [kind, body] = entryOf(left) ?? [];
  const words = recordOf(body);
  const find = (group: string, name: string): Value | undefined =>
    fields.get(`${group} ${name}`) ?? fields.get(`${group} *`);
  if (kind === 'meta') return find('meta', withoutIndex(textOf(words['key'])));
  if (kind === 'ct' && words['dir'] === undefined) return find('ct', textOf(words['key']));
  if (kind === 'socket') return find('socket', textOf(words['key']));
  if (kind === 'fib') return find('fib', `${listOf(words['flags']).join(' ')} ${textOf(words['result'])}`);
  if (kind !== 'payload' || words['protocol'] === undefined) return undefined;
  const protocol = textOf(words['protocol']);
  const transport = fields.get('meta l4proto');
  const header = protocol === 'th' && transport?.kind === 'words' ? transport.usual : protocol;
  return find(header, textOf(words['field']));
}

/** nft prints the index of an interface as its name. */
const withoutIndex = (key: string): string => (key === 'iif' || key === 'oif' ? `${key}name` : key);

/** The right side as a list of alternatives; undefined when it is not known. */
function wantedOf({ sets }: Table, right: unknown): readonly unknown[] | undefined {
  if (typeof right === 'string' && right.startsWith('@')) return sets.get(right.slice(1));
  const { set, '|': or } = recordOf(right);
  if (set !== undefined) return Array.isArray(set) ? set : [set];
  return or !== undefined ? listOf(or) : Array.isArray(right) ? right : [right];
}

/** Elements with a comment, a counter or a time-out stand in an envelope. */
const bare = (element: unknown): unknown => {
  const { elem } = recordOf(element);
  return elem === undefined ? element : recordOf(elem)['val'];
};

function fits(parts: readonly (Value | undefined)[], wanted: readonly unknown[]): Answer | undefined {
  const [only] = parts;
  if (parts.length === 1) return only === undefined ? undefined : fitsOne(only, wanted.map(bare));
  const answers = wanted.map(bare).map((element) => {
    const pieces = listOf(recordOf(element)['concat']);
    const each = parts.map((part, index) => (part === undefined ? undefined : fitsOne(part, [pieces[index]])));
    // One part that does not fit is enough, whatever the others are.
    if (each.includes('no')) return 'no';
    return each.includes(undefined) ? undefined : value.every(each as readonly Answer[]);
  });
  if (answers.includes('yes')) return 'yes';
  return answers.includes(undefined) ? undefined : value.some(answers as readonly Answer[]);
}

function fitsOne(part: Value, wanted: readonly unknown[]): Answer | undefined {
  if (wanted.includes('*')) return 'yes';
  if (part.kind === 'words') {
    const words = wanted.map(wordOf);
    return words.includes(undefined) ? undefined : value.isOneOf(part, words as readonly string[]);
  }
  if (part.kind === 'numbers') {
    const intervals = wanted.map(intervalOf);
    return intervals.includes(undefined) ? undefined : value.isAmong(part, intervals as readonly Interval[]);
  }
  const flags = wanted.map(textOf);
  return part.kind === 'flags' && !flags.includes('')
    ? value.areExactly(part, part.possible.concat(flags), flags)
    : undefined;
}

const PROTOCOLS = new Map([
  ...([
    [1, 'icmp'],
    [6, 'tcp'],
    [17, 'udp'],
    [58, 'icmpv6'],
    [132, 'sctp'],
  ] as const),
]);

const wordOf = (element: unknown): string | undefined =>
  typeof element === 'number' ? (PROTOCOLS.get(element as 6) ?? String(element)) : textOf(element) || undefined;

/** A number, an address, a prefix or a range as an interval. */
function intervalOf(element: unknown): Interval | undefined {
  const { prefix, range } = recordOf(element);
  if (range !== undefined) {
    const [low, high] = listOf(range).map(numberOf);
    return low === undefined || high === undefined ? undefined : [low, high];
  }
  if (prefix === undefined) {
    const single = numberOf(element);
    return single === undefined ? undefined : [single, single];
  }
  const { addr, len } = recordOf(prefix);
  const first = numberOf(addr);
  if (first === undefined || typeof len !== 'number') return undefined;
  const rest = (1n << BigInt((textOf(addr).includes(':') ? 128 : 32) - len)) - 1n;
  return [first & ~rest, first | rest];
}

/** Services that nft prints by name cannot be told apart from words: those are not understood. */
function numberOf(element: unknown): bigint | undefined {
  if (typeof element === 'number') return BigInt(element);
  if (typeof element !== 'string') return undefined;
  try {
    return /^(?:0x[0-9a-f]+|\d+)$/i.test(element) ? BigInt(element) : parseIp(element).value;
  } catch {
    return undefined;
  }
}

function beyond(part: Value | undefined, element: unknown, op: string): Answer | undefined {
  const limit = numberOf(element);
  if (limit === undefined || part?.kind !== 'numbers') return undefined;
  const top = 1n << 128n;
  if (op.startsWith('<')) return value.isAmong(part, [[0n, op === '<' ? limit - 1n : limit]]);
  return value.isAmong(part, [[op === '>' ? limit + 1n : limit, top]]);
}

function sharing(part: value.Flags, wanted: readonly unknown[]): Answer | undefined {
  const flags = wanted.map(textOf);
  return flags.includes('') ? undefined : value.hasOneOf(part, flags);
}

/** `meta mark & 0x4000 == 0x4000`, `tcp flags & (syn | ack) == syn`. */
function compareMasked(
  { packet, table }: Context,
  [field, mask]: readonly unknown[],
  right: unknown,
  op: string,
): Answer | undefined {
  const part = fieldOf(packet, field);
  if (part?.kind === 'absent') return 'no';
  const [masks, wanted] = [wantedOf(table, mask), wantedOf(table, right)];
  if (masks === undefined || wanted === undefined || !['==', '!='].includes(op)) return undefined;
  const answer = part?.kind === 'flags' ? maskedFlags(part, masks, wanted) : maskedNumber(part, masks[0], wanted);
  return answer === undefined ? undefined : op === '!=' ? value.not(answer) : answer;
}

function maskedFlags(part: value.Flags, masks: readonly unknown[], wanted: readonly unknown[]): Answer | undefined {
  const [mask, flags] = [masks.map(textOf), wanted.map((element) => (element === 0 ? '0' : textOf(element)))];
  if (mask.includes('') || flags.includes('')) return undefined;
  return value.areExactly(
    part,
    mask,
    flags.filter((flag) => flag !== '0'),
  );
}

/** Of a number that is not known, what is left of it is not either; but `& 0xff == 0x4000` never holds. */
function maskedNumber(part: Value | undefined, mask: unknown, wanted: readonly unknown[]): Answer | undefined {
  const bits = numberOf(mask);
  const intervals = wanted.map(intervalOf);
  if (part?.kind !== 'numbers' || bits === undefined || intervals.includes(undefined)) return undefined;
  const [[low, high] = [0n, 1n]] = part.intervals;
  if (part.intervals.length !== 1 || low !== high) return 'maybe';
  return value.isAmong(value.number(low & bits), intervals as readonly Interval[]);
}
