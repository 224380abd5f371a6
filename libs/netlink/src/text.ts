/**
 * Addresses between text and bytes: strict in what is read, one spelling in what is written. Loops over characters in place of regular
 * expressions, whose first use costs a short-lived program more than all else here.
 */
const DIGITS = '0123456789abcdef';
const COLON = 0x3a;

/** The value of a digit, in lower or upper case; -1 for another character, and where the text has ended. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

/** Bytes of `aa:bb:cc:dd:ee:ff`. @throws RangeError. */
export function macBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(6);
  let valid = text.length === 17;
  for (let index = 0; index < 6; index += 1) {
    const high = digit(text, 3 * index);
    const low = digit(text, 3 * index + 1);
    if (high < 0 || low < 0 || (index < 5 && text.charCodeAt(3 * index + 2) !== COLON)) valid = false;
    bytes[index] = high * 16 + low;
  }
  if (!valid) throw new RangeError(`not a MAC address: ${text}`);
  return bytes;
}

/** `aa:bb:cc:dd:ee:ff`, in lower case; of any length. */
export function macText(bytes: Uint8Array): string {
  let text = '';
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]!;
    text += `${index === 0 ? '' : ':'}${DIGITS[byte >> 4]!}${DIGITS[byte & 15]!}`;
  }
  return text;
}

/** 4 or 16 bytes, in network order, of an IP address without prefix or zone. @throws RangeError. */
export function ipBytes(text: string): Uint8Array {
  const bytes = text.includes(':') ? v6Bytes(text) : v4Bytes(text);
  if (bytes === undefined) throw new RangeError(`not an IP address: ${text}`);
  return bytes;
}

function v4Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let at = 0;
  for (let part = 0; part < 4; part += 1) {
    if (part > 0 && text[at++] !== '.') return undefined;
    const start = at;
    let value = 0;
    for (let next = digit(text, at); next >= 0 && next < 10; next = digit(text, (at += 1))) value = value * 10 + next;
    // No leading zero: some read it as octal.
    if (at === start || at - start > 3 || value > 255 || (text[start] === '0' && at - start > 1)) return undefined;
    bytes[part] = value;
  }
  return at === text.length ? bytes : undefined;
}

function v6Bytes(text: string): Uint8Array | undefined {
  const gap = text.indexOf('::');
  if (gap < 0) return wordsOf(text, 16, 16, true);
  // "::" stands for at least one word.
  const head = wordsOf(text.slice(0, gap), 0, 14, false);
  const tail = wordsOf(text.slice(gap + 2), 0, 14, true);
  if (head === undefined || tail === undefined || head.length + tail.length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of words between colons, `least` to `most` of them; where the address ends, an IPv4 address may stand for two words. */
function wordsOf(text: string, least: number, most: number, isEnd: boolean): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  let length = 0;
  const parts = text === '' ? [] : text.split(':');
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index]!;
    const v4 = isEnd && index === parts.length - 1 && part.includes('.') ? v4Bytes(part) : undefined;
    const word = v4 ?? wordBytes(part);
    if (word === undefined || length + word.length > most) return undefined;
    bytes.set(word, length);
    length += word.length;
  }
  return length < least ? undefined : bytes.subarray(0, length);
}

function wordBytes(part: string): Uint8Array | undefined {
  if (part.length === 0 || part.length > 4) return undefined;
  let value = 0;
  for (let at = 0; at < part.length; at += 1) {
    const next = digit(part, at);
    if (next < 0) return undefined;
    value = value * 16 + next;
  }
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** The text of 4 or 16 bytes; IPv6 as RFC 5952 writes it. @throws RangeError for another length. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  const word = (index: number): number => (bytes[2 * index]! << 8) | bytes[2 * index + 1]!;
  const [start, length] = longestZeros(word);
  // RFC 5952, section 5: an IPv4 address in IPv6 is written as one.
  if (start === 0 && length === 5 && word(5) === 0xffff) return `::ffff:${bytes.subarray(12).join('.')}`;
  let text = '';
  for (let index = 0; index < 8; index += 1) {
    if (length > 1 && index === start) {
      text += '::';
      index += length - 1;
    } else text += `${text === '' || text.endsWith(':') ? '' : ':'}${word(index).toString(16)}`;
  }
  return text;
}

/** Where the first of the longest runs of zeros begins, and how long it is. */
function longestZeros(word: (index: number) => number): [number, number] {
  let best: [number, number] = [0, 0];
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (end < 8 && word(end) === 0) end += 1;
    if (end - start > best[1]) best = [start, end - start];
  }
  return best;
}
