/** What a statement of a rule means for a packet: whether it fits, or what is done with it. */
import { extensionOf } from './extension.ts';
import { entryOf, listOf, recordOf, textOf } from './json.ts';
import { lookUp, matches, type Context } from './match.ts';
import type { Packet } from './packet.ts';
import type { Rule } from './ruleset.ts';
import type { Answer } from './value.ts';

/** In nft's words; `target` is the chain of a jump or goto. */
export interface Order {
  readonly word: 'accept' | 'drop' | 'reject' | 'return' | 'continue' | 'jump' | 'goto';
  readonly target?: string;
}

/** An element of a verdict map, and whether the packet fits it. */
export interface Choice {
  readonly element: unknown;
  readonly answer: 'yes' | 'maybe';
  readonly order: Order | undefined;
}

export type Meaning =
  | { readonly answer: Answer }
  | { readonly order: Order }
  /** Up to the first element that fits for certain. */
  | { readonly choices: readonly Choice[] }
  | { readonly unclear: true };

/** Statements that change or count, and let the next one have its turn. */
const SILENT = new Set([
  ...['counter', 'log', 'mangle', 'notrack', 'set', 'map', 'flow', 'ct helper', 'ct timeout', 'ct expectation', 'dup'],
  ...['secmark', 'synproxy', 'nftrace', 'reset', 'last', 'comment', 'continue', 'optstrip'],
]);
const LIMITS = new Set(['limit', 'quota', 'ct count', 'connlimit']);
const ORDERS = ['accept', 'drop', 'reject', 'return', 'jump', 'goto'] as const;

export function meaningOf(context: Context, rule: Rule, statement: unknown): Meaning {
  const [name = '', body] = entryOf(statement) ?? [];
  if (name === 'match') return { answer: matches(context, body) };
  if (SILENT.has(name)) return { answer: 'yes' };
  if (LIMITS.has(name)) return { answer: limitOf(context.packet, name, body) };
  if (name === 'xt') {
    const isLast = rule.statements.at(-1) === statement;
    const extension = extensionOf(context, body, { isLast, text: rule.text });
    if ('answer' in extension) return extension;
    if (extension.target === 'next') return { answer: 'yes' };
    if (extension.target === 'drop') return { order: { word: 'drop' } };
  }
  if (name === 'vmap') return choicesOf(context, body);
  const order = orderOf(name, body);
  if (order !== undefined) return { order };
  context.note(statement);
  return { unclear: true };
}

/** An ordinary packet is not one of too many; but a quota that is used up stays so. */
function limitOf({ isUsual }: Packet, name: string, body: unknown): Answer {
  if (!isUsual || name === 'quota') return 'maybe';
  return recordOf(body)['inv'] === true ? 'no' : 'yes';
}

function orderOf(name: string, body: unknown): Order | undefined {
  const word = name === 'continue' ? name : ORDERS.find((each) => each === name);
  if (word === undefined) return undefined;
  return word === 'jump' || word === 'goto' ? { word, target: textOf(recordOf(body)['target']) } : { word };
}

/** The element that fits decides; a packet that fits none goes on. */
function choicesOf(context: Context, body: unknown): Meaning {
  const { key, data } = recordOf(body);
  const name = textOf(data);
  const elements = name.startsWith('@') ? context.table.sets.get(name.slice(1)) : listOf(recordOf(data)['set']);
  if (elements === undefined) {
    context.note({ vmap: body });
    return { unclear: true };
  }
  const choices: Choice[] = [];
  for (const element of elements) {
    const [wanted, verdict] = listOf(element);
    const answer = lookUp(context, key, wanted);
    if (answer === undefined) context.note(key);
    if (answer === 'no') continue;
    const [word = '', target] = entryOf(verdict) ?? [];
    choices.push({ element, answer: answer ?? 'maybe', order: orderOf(word, target) });
    if (answer === 'yes') break;
  }
  return { choices };
}
