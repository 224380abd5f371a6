/** The way of one packet through a base chain, rule by rule: what fits it, and what that does. */
import type { Context } from './match.ts';
import type { Packet } from './packet.ts';
import type { Chain, Rule, Table } from './ruleset.ts';
import { meaningOf, type Order } from './statement.ts';
import { walk } from './walk.ts';

/** A rule that fits the packet, or the policy at the end. */
export interface Turn {
  readonly chain: Chain;
  readonly rule?: Rule;
  /** The element of the rule's verdict map that fits. */
  readonly element?: unknown;
  /** `accept`, `jump deny`; `unclear` where it is not known whether the rule fits, and the way goes on as if it did not. */
  readonly verdict: string;
}

export interface Trace {
  readonly turns: readonly Turn[];
  readonly end: 'accept' | 'drop' | 'reject' | 'unclear';
}

type End = 'accept' | 'drop' | 'reject';
/** The kernel allows 16 jumps; a listing may be older than its chains. */
const DEEPEST = 64;

export function trace(table: Table, base: Chain, packet: Packet): Trace {
  const turns: Turn[] = [];
  const context: Context = { table, packet, note: () => undefined };
  const policy: Order = { word: base.policy === 'drop' ? 'drop' : 'accept' };
  let end = follow(context, base, turns, 0);
  if (end === undefined) {
    turns.push({ chain: base, verdict: `policy ${policy.word}` });
    end = policy.word as End;
  }
  if (turns.every(({ verdict }) => verdict !== 'unclear')) return { turns, end };
  const fates = new Set(walk(table, base, packet).ends.map(({ fate }) => fate));
  const [only = 'unclear'] = fates;
  return { turns, end: fates.size === 1 ? only : 'unclear' };
}

/** Undefined: the packet leaves the chain at its end. */
function follow(context: Context, chain: Chain, turns: Turn[], depth: number): End | undefined {
  for (const rule of chain.rules) {
    const found = fitting(context, rule);
    if (found === undefined) continue;
    const { order, element } = found;
    const verdict = order === undefined ? 'unclear' : wordsOf(order);
    turns.push({ chain, rule, verdict, ...(element === undefined ? {} : { element }) });
    if (order === undefined || order.word === 'continue') continue;
    if (order.word === 'return') return undefined;
    if (order.word !== 'jump' && order.word !== 'goto') return order.word;
    const next = depth < DEEPEST ? context.table.chains.get(order.target ?? '') : undefined;
    const end = next === undefined ? undefined : follow(context, next, turns, depth + 1);
    if (end !== undefined || order.word === 'goto') return end;
  }
  return undefined;
}

const wordsOf = ({ word, target }: Order): string => (target === undefined ? word : `${word} ${target}`);

/** What a rule orders for the packet; an order that is undefined is not certain. */
function fitting(context: Context, rule: Rule): { order: Order | undefined; element?: unknown } | undefined {
  let isCertain = true;
  for (const statement of rule.statements) {
    const meaning = meaningOf(context, rule, statement);
    if ('answer' in meaning) {
      if (meaning.answer === 'no') return undefined;
      isCertain &&= meaning.answer === 'yes';
    } else if ('order' in meaning) {
      return { order: isCertain ? meaning.order : undefined };
    } else if ('unclear' in meaning) {
      return { order: undefined };
    } else {
      const [first] = meaning.choices;
      if (first === undefined) continue;
      return { order: isCertain && first.answer === 'yes' ? first.order : undefined, element: first.element };
    }
  }
  return undefined;
}
