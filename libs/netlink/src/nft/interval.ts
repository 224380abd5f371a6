/** Ranges in a set of ranges: the kernel wants where each begins and where it no longer holds. */
import type { Element } from './element.ts';

/** A range of keys, both ends included. */
export interface Range extends Pick<Element, 'data' | 'comment'> {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** The first and last address of a prefix; the bits after it are not looked at. */
export function prefixRange(
  address: Uint8Array,
  length: number,
): { readonly from: Uint8Array; readonly to: Uint8Array } {
  const from = address.slice();
  const to = address.slice();
  for (let at = 0; at < address.length; at += 1) {
    const hostBits = 0xff >> Math.max(0, Math.min(8, length - at * 8));
    from[at] = from[at]! & ~hostBits;
    to[at] = to[at]! | hostBits;
  }
  return { from, to };
}

/**
 * The elements of ranges that do not overlap, in order. One that says that nothing holds at zero comes first, as nft writes it; a range
 * that reaches the highest key has no end. @throws RangeError when two overlap.
 */
export function intervalElements(ranges: readonly Range[]): Element[] {
  const sorted = [...ranges].sort((a, b) => compare(a.from, b.from));
  const elements: Element[] = [];
  const [first] = sorted;
  if (first?.from.some((byte) => byte !== 0) === true)
    elements.push({ key: new Uint8Array(first.from.length), isEnd: true });
  sorted.forEach(({ from, to, ...rest }, index) => {
    const next = sorted[index + 1];
    if (compare(from, to) > 0 || (next !== undefined && compare(to, next.from) >= 0)) {
      throw new RangeError(`ranges overlap: ${from.join('.')} to ${to.join('.')}`);
    }
    elements.push({ key: from, ...rest });
    const end = successor(to);
    if (end !== undefined) elements.push({ key: end, isEnd: true });
  });
  return elements;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length; at += 1) {
    const difference = a[at]! - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The next key; undefined after the highest. */
function successor(bytes: Uint8Array): Uint8Array | undefined {
  const next = bytes.slice();
  for (let at = next.length - 1; at >= 0; at -= 1) {
    next[at] = (next[at]! + 1) & 0xff;
    if (next[at] !== 0) return next;
  }
  return undefined;
}
