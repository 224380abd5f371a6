/**
 * What a base chain does with a packet. Where the packet's way is not certain, all ways are gone: a packet whose ways all end with a
 * drop is dropped, whatever is not known.
 */
import type { Context } from './match.ts';
import type { Packet } from './packet.ts';
import type { Chain, Rule, Table } from './ruleset.ts';
import { meaningOf, type Order } from './statement.ts';
import type { Answer } from './value.ts';

/** A way's end. `handle` is the rule's; without one it is the policy of the chain. */
export interface End {
  readonly fate: 'accept' | 'drop' | 'unclear';
  readonly chain: Chain;
  readonly rule?: Rule;
}

export interface Course {
  readonly ends: readonly End[];
  /** Expressions that were not understood, and on which it depends where the way ends. */
  readonly notes: readonly string[];
}

/** Ends of the ways through a chain, and whether a way leaves it at its end. */
interface Ways {
  readonly ends: readonly End[];
  readonly falls: boolean;
}

const AGAIN: Ways = { ends: [], falls: true };

export function walk(table: Table, base: Chain, packet: Packet): Course {
  const notes = new Set<string>();
  const context: Context = { table, packet, note: (what) => notes.add(JSON.stringify(what)) };
  const known = new Map<string, Ways>();
  const through = (name: string): Ways => {
    const chain = table.chains.get(name);
    const before = known.get(name);
    if (before !== undefined) return before;
    if (chain === undefined) return AGAIN;
    // Two chains that lead to each other are refused by the kernel; a listing may be older than it.
    known.set(name, AGAIN);
    const ways = waysOf(context, chain, through);
    known.set(name, ways);
    return ways;
  };
  const { ends, falls } = waysOf(context, base, through);
  const policy: End = { fate: base.policy === 'drop' ? 'drop' : 'accept', chain: base };
  return { ends: falls ? [...ends, policy] : ends, notes: [...notes] };
}

/** What one rule does: its ends, whether the next rule has its turn, and whether the chain may be left. */
interface Step extends Ways {
  readonly goesOn: boolean;
}

function waysOf(context: Context, chain: Chain, through: (name: string) => Ways): Ways {
  const ends: End[] = [];
  let falls = false;
  for (const rule of chain.rules) {
    const step = stepOf(context, chain, rule, through);
    ends.push(...step.ends);
    falls ||= step.falls;
    if (!step.goesOn) return { ends, falls };
  }
  return { ends, falls: true };
}

const NEXT: Step = { ends: [], falls: false, goesOn: true };

function stepOf(context: Context, chain: Chain, rule: Rule, through: (name: string) => Ways): Step {
  let isCertain = true;
  /** What may happen before the rule's end. */
  let before: Step = NEXT;
  for (const statement of rule.statements) {
    const effect = effectOf(context, chain, rule, statement, through);
    if ('answer' in effect) {
      if (effect.answer === 'no') return before;
      if (effect.answer === 'maybe') isCertain = false;
      continue;
    }
    const step = isCertain ? effect : { ...effect, goesOn: true };
    before = { ends: [...before.ends, ...step.ends], falls: before.falls || step.falls, goesOn: step.goesOn };
    if (!effect.goesOn) return before;
  }
  return before;
}

type Effect = { readonly answer: Answer } | Step;

function effectOf(
  context: Context,
  chain: Chain,
  rule: Rule,
  statement: unknown,
  through: (name: string) => Ways,
): Effect {
  const meaning = meaningOf(context, rule, statement);
  if ('answer' in meaning) return meaning;
  if ('order' in meaning) return stepTo(chain, rule, meaning.order, through);
  if ('unclear' in meaning) return { ends: [{ fate: 'unclear', chain, rule }], falls: true, goesOn: true };
  let step: Step = NEXT;
  for (const { answer, order } of meaning.choices) {
    const taken = order === undefined ? NEXT : stepTo(chain, rule, order, through);
    step = { ends: [...step.ends, ...taken.ends], falls: step.falls || taken.falls, goesOn: step.goesOn };
    if (answer === 'yes') return { ...step, goesOn: taken.goesOn };
  }
  return step;
}

function stepTo(chain: Chain, rule: Rule, { word, target = '' }: Order, through: (name: string) => Ways): Step {
  const end = (fate: End['fate']): Step => ({ ends: [{ fate, chain, rule }], falls: false, goesOn: false });
  if (word === 'accept') return end('accept');
  if (word === 'drop' || word === 'reject') return end('drop');
  if (word === 'return') return { ends: [], falls: true, goesOn: false };
  if (word === 'continue') return NEXT;
  const { ends, falls } = through(target);
  return word === 'jump' ? { ends, falls: false, goesOn: falls } : { ends, falls, goesOn: false };
}
