/**
 * What a base chain does with a packet. Where the packet's way is not certain, all ways are gone: a packet whose ways all end with a
 * drop is dropped, whatever is not known.
 */
import { extensionOf } from './extension.ts';
import { entryOf, listOf, recordOf, textOf } from './json.ts';
import { lookUp, matches, type Context } from './match.ts';
import type { Packet } from './packet.ts';
import type { Chain, Rule, Table } from './ruleset.ts';
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

/** Statements that change or count, and let the next one have its turn. */
const SILENT = new Set([
  ...['counter', 'log', 'mangle', 'notrack', 'set', 'map', 'flow', 'ct helper', 'ct timeout', 'ct expectation', 'dup'],
  ...['secmark', 'synproxy', 'nftrace', 'reset', 'last', 'comment', 'continue', 'optstrip'],
]);
const LIMITS = new Set(['limit', 'quota', 'ct count', 'connlimit']);

function effectOf(
  context: Context,
  chain: Chain,
  rule: Rule,
  statement: unknown,
  through: (name: string) => Ways,
): Effect {
  const [name = '', body] = entryOf(statement) ?? [];
  if (name === 'match') return { answer: matches(context, body) };
  if (SILENT.has(name)) return { answer: 'yes' };
  if (LIMITS.has(name)) return { answer: limitOf(context.packet, name, body) };
  if (name === 'xt') {
    const isLast = rule.statements.at(-1) === statement;
    const extension = extensionOf(context, body, { isLast, text: rule.text });
    if ('answer' in extension) return extension;
    if (extension.target === 'next') return { answer: 'yes' };
    if (extension.target === 'drop') return { ends: [{ fate: 'drop', chain, rule }], falls: false, goesOn: false };
  }
  if (name === 'vmap') return choice(context, chain, rule, body, through);
  const step = verdictOf(chain, rule, name, body, through);
  if (step !== undefined) return step;
  context.note(statement);
  return { ends: [{ fate: 'unclear', chain, rule }], falls: true, goesOn: true };
}

/** An ordinary packet is not one of too many; but a quota that is used up stays so. */
function limitOf({ isUsual }: Packet, name: string, body: unknown): Answer {
  if (!isUsual || name === 'quota') return 'maybe';
  return recordOf(body)['inv'] === true ? 'no' : 'yes';
}

function verdictOf(
  chain: Chain,
  rule: Rule,
  name: string,
  body: unknown,
  through: (name: string) => Ways,
): Step | undefined {
  const end = (fate: End['fate']): Step => ({ ends: [{ fate, chain, rule }], falls: false, goesOn: false });
  if (name === 'accept') return end('accept');
  if (name === 'drop' || name === 'reject') return end('drop');
  if (name === 'return') return { ends: [], falls: true, goesOn: false };
  if (name === 'continue') return NEXT;
  if (name !== 'jump' && name !== 'goto') return undefined;
  const { ends, falls } = through(textOf(recordOf(body)['target']));
  return name === 'jump' ? { ends, falls: false, goesOn: falls } : { ends, falls, goesOn: false };
}

/** A verdict map: the element that fits decides; a packet that fits none goes on. */
function choice(context: Context, chain: Chain, rule: Rule, body: unknown, through: (name: string) => Ways): Effect {
  const { key, data } = recordOf(body);
  const name = textOf(data);
  const elements = name.startsWith('@') ? context.table.sets.get(name.slice(1)) : listOf(recordOf(data)['set']);
  let step: Step = NEXT;
  if (elements === undefined) context.note({ vmap: body });
  for (const element of elements ?? []) {
    const [wanted, verdict] = listOf(element);
    const answer = lookUp(context, key, wanted);
    if (answer === undefined) context.note(key);
    if (answer === 'no') continue;
    const [word = '', target] = entryOf(verdict) ?? [];
    const taken = verdictOf(chain, rule, word, target, through) ?? NEXT;
    step = { ends: [...step.ends, ...taken.ends], falls: step.falls || taken.falls, goesOn: step.goesOn };
    if (answer === 'yes') return { ...step, goesOn: taken.goesOn };
  }
  if (elements !== undefined) return step;
  return { ends: [{ fate: 'unclear', chain, rule }], falls: true, goesOn: true };
}
