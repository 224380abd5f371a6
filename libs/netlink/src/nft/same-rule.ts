/** Whether two rules do the same: what a rule should be, and what the kernel says it is. */
import type { Expression } from './expression.ts';
import type { RuleSpec } from './rule.ts';

type Compared = Pick<RuleSpec, 'expressions' | 'comment'>;

/**
 * Same expressions in the same order and the same comment. What counters have counted is not compared, and neither are the names that the
 * kernel gave to anonymous sets: compare their elements, too.
 */
export function isSameRule(a: Compared, b: Compared): boolean {
  if ((a.comment ?? '') !== (b.comment ?? '') || a.expressions.length !== b.expressions.length) return false;
  return a.expressions.every((expression, index) =>
    isSame(comparable(expression), comparable(b.expressions[index] as Expression)),
  );
}

/** The name of an anonymous set: `__set%d` before it is made, `__set0` after. */
const ANONYMOUS = /^__(?:set|map)/;

function comparable(expression: Expression): Record<string, unknown> {
  if (expression.kind === 'counter') return { kind: 'counter' };
  if (expression.kind !== 'lookup') return expression;
  const { kind, from, to, inverted, set } = expression;
  return { kind, from, to, inverted, set: ANONYMOUS.test(set) ? set.slice(0, 5) : set };
}

/** By value: objects of plain fields, bytes and numbers, in which an absent field is as good as one that is undefined or false. */
function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, index) => byte === b[index]);
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return a === b || (isEmpty(a) && isEmpty(b));
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => isSame(left[key], right[key]));
}

const isEmpty = (value: unknown): boolean => value === undefined || value === false;
