/** Addresses between text and bytes: strict in what is read, one spelling in what is written. */

/** Bytes of `aa:bb:cc:dd:ee:ff`. @throws RangeError. */
export function macBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text)) throw new RangeError(`not a MAC address: ${text}`);
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

/** `aa:bb:cc:dd:ee:ff`, in lower case; of any length. */
export const macText = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');

/** 4 or 16 bytes, in network order, of an IP address without prefix or zone. @throws RangeError. */
export function ipBytes(text: string): Uint8Array {
  const bytes = text.includes(':') ? v6Bytes(text) : v4Bytes(text);
  if (bytes === undefined) throw new RangeError(`not an IP address: ${text}`);
  return bytes;
}

function v4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  // No leading zero: some read it as octal.
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return Uint8Array.from(parts, Number);
}

function v6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : wordsOf(half.split(':'))));
  if (head === undefined) return undefined;
  if (tail === undefined) return halves.length === 1 && head.length === 8 ? packWords(head) : undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one word.
  return missing < 1 ? undefined : packWords([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** 16-bit words, NaN where a part is none; the last part may be an IPv4 address. */
function wordsOf(parts: readonly string[]): number[] {
  return parts.flatMap((part, index) => {
    const v4 = index === parts.length - 1 && part.includes('.') ? v4Bytes(part) : undefined;
    if (v4 !== undefined) return [(v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!];
    return [/^[0-9a-f]{1,4}$/i.test(part) ? Number.parseInt(part, 16) : Number.NaN];
  });
}

function packWords(words: readonly number[]): Uint8Array | undefined {
  if (words.length !== 8 || words.some(Number.isNaN)) return undefined;
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

/** The text of 4 or 16 bytes; IPv6 as RFC 5952 writes it. @throws RangeError for another length. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  const words = Array.from({ length: 8 }, (_, index) => (bytes[2 * index]! << 8) | bytes[2 * index + 1]!);
  // The kernel's own way to print it; nothing else mixes the two notations here.
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff)
    return `::ffff:${bytes.subarray(12).join('.')}`;
  const [start, length] = longestZeros(words);
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(':');
  return length < 2 ? hex(words) : `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

/** Where the first of the longest runs of zeros begins, and how long it is. */
function longestZeros(words: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0];
  for (let start = 0; start < words.length; start += 1) {
    let end = start;
    while (words[end] === 0) end += 1;
    if (end - start > best[1]) best = [start, end - start];
  }
  return best;
}
