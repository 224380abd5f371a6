/** What is known of one field of a packet. An answer is `maybe` where the field may have a value that fits and one that does not. */

export type Answer = 'yes' | 'no' | 'maybe';
export type Interval = readonly [low: bigint, high: bigint];

/** Numbers: addresses, ports, marks. `usual` is the value of an ordinary packet. */
export interface Numbers {
  readonly kind: 'numbers';
  readonly intervals: readonly Interval[];
  readonly usual: bigint;
}

/** One word out of `words`: interface names, protocols, states. `usual` is the word of an ordinary packet. */
export interface Words {
  readonly kind: 'words';
  readonly words: readonly string[];
  readonly usual: string;
}

/** Flags that are set together: at least `certain`, at most `possible`. */
export interface Flags {
  readonly kind: 'flags';
  readonly certain: readonly string[];
  readonly possible: readonly string[];
}

/** The packet lacks the field (a TCP port of a UDP packet): nftables ends the rule, whatever the operator is. */
export interface Absent {
  readonly kind: 'absent';
}

export type Value = Numbers | Words | Flags | Absent;

export const word = (text: string): Words => ({ kind: 'words', words: [text], usual: text });
export const number = (value: bigint): Numbers => ({ kind: 'numbers', intervals: [[value, value]], usual: value });
export const ABSENT: Absent = { kind: 'absent' };

/** The same field of an ordinary packet: one value. */
export function usualOf(value: Value): Value {
  if (value.kind === 'numbers') return number(value.usual);
  if (value.kind === 'words') return word(value.usual);
  if (value.kind === 'flags') return { ...value, possible: value.certain };
  return value;
}

export const not = (answer: Answer): Answer => (answer === 'yes' ? 'no' : answer === 'no' ? 'yes' : 'maybe');

/** All must hold. */
export function every(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no';
  return answers.includes('maybe') ? 'maybe' : 'yes';
}

/** One that holds is enough. */
export const some = (answers: readonly Answer[]): Answer => not(every(answers.map(not)));

/** What is left of `from` without `taken`. */
export function subtract(from: readonly Interval[], [low, high]: Interval): readonly Interval[] {
  return from.flatMap(([first, last]): readonly Interval[] => {
    if (high < first || low > last) return [[first, last]];
    return [...(first < low ? [[first, low - 1n] as const] : []), ...(last > high ? [[high + 1n, last] as const] : [])];
  });
}

const sizeOf = (intervals: readonly Interval[]): bigint =>
  intervals.reduce((sum, [low, high]) => sum + high - low + 1n, 0n);

/** Whether the number is in one of `wanted`. */
export function isAmong(value: Numbers, wanted: readonly Interval[]): Answer {
  const left = wanted.reduce(subtract, value.intervals);
  if (left.length === 0) return 'yes';
  return sizeOf(left) === sizeOf(value.intervals) ? 'no' : 'maybe';
}

/** Whether the word fits one of `patterns`; one that ends with `*` fits what begins like it. */
export function isOneOf(value: Words, patterns: readonly string[]): Answer {
  const fits = (text: string): boolean =>
    patterns.some((pattern) => (pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern));
  const fitting = value.words.filter(fits).length;
  return fitting === 0 ? 'no' : fitting === value.words.length ? 'yes' : 'maybe';
}

/** Whether at least one of `wanted` is set. */
export function hasOneOf({ certain, possible }: Flags, wanted: readonly string[]): Answer {
  if (wanted.some((flag) => certain.includes(flag))) return 'yes';
  return wanted.some((flag) => possible.includes(flag)) ? 'maybe' : 'no';
}

/** Whether, of the flags in `mask`, exactly `wanted` are set. */
export function areExactly({ certain, possible }: Flags, mask: readonly string[], wanted: readonly string[]): Answer {
  return every(
    mask.map((flag) => {
      if (!possible.includes(flag)) return wanted.includes(flag) ? 'no' : 'yes';
      if (!certain.includes(flag)) return 'maybe';
      return wanted.includes(flag) ? 'yes' : 'no';
    }),
  );
}
