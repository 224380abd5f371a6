/** User data: what the kernel keeps for nft and never reads. Entries of type, length and value (libnftnl's udata.h). */
import { LITTLE_ENDIAN } from '../writer.ts';
import { describe, type TypeNames } from './datatype.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The kernel keeps at most this much (NFT_USERDATA_MAXLEN), nft this much of a comment, its NUL included. */
const MAX_COMMENT = 128;

/** NFTNL_UDATA_{RULE,SET_ELEM,TABLE,CHAIN}_COMMENT */
const COMMENT = 0;
/** NFTNL_UDATA_SET_* */
const SET_KEY_ORDER = 0;
const SET_DATA_ORDER = 1;
const SET_DATA_INTERVAL = 6;
const SET_COMMENT = 7;

/** What thousands of elements of one owner have in common is made once. */
let last: { readonly comment: string; readonly data: Uint8Array } | undefined;

/** The comment of a table, chain, rule or element. @throws RangeError. */
export function commentData(comment: string): Uint8Array {
  if (last?.comment !== comment) last = { comment, data: entry(COMMENT, commentBytes(comment)) };
  return last.data;
}

/** The comment in user data of a table, chain, rule or element; undefined when there is none, or when it is not readable. */
export const commentOf = (data: Uint8Array): string | undefined => textOf(data, COMMENT);
export const setCommentOf = (data: Uint8Array): string | undefined => textOf(data, SET_COMMENT);

/** What nft wants to know of a set or map: the order of the bytes in its keys and data. */
export function setData(
  key: TypeNames,
  data: TypeNames | 'verdict' | undefined,
  comment: string | undefined,
): Uint8Array {
  return join(
    number(SET_KEY_ORDER, describe(key).order),
    ...(data === undefined
      ? []
      : [number(SET_DATA_ORDER, data === 'verdict' ? 0 : describe(data).order), number(SET_DATA_INTERVAL, 0)]),
    ...(comment === undefined ? [] : [entry(SET_COMMENT, commentBytes(comment))]),
  );
}

function commentBytes(comment: string): Uint8Array {
  const bytes = encoder.encode(`${comment}\0`);
  if (bytes.length > MAX_COMMENT || comment.includes('\0')) {
    throw new RangeError(`a comment has at most ${MAX_COMMENT - 1} bytes and no NUL: ${JSON.stringify(comment)}`);
  }
  return bytes;
}

const entry = (type: number, value: Uint8Array): Uint8Array => join(Uint8Array.of(type, value.length), value);

function number(type: number, value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, LITTLE_ENDIAN);
  return entry(type, new Uint8Array(view.buffer));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Foreign user data may be anything: what does not fit is not read. */
function textOf(data: Uint8Array, wanted: number): string | undefined {
  for (let at = 0; at + 2 <= data.length;) {
    const length = data[at + 1] ?? 0;
    const value = data.subarray(at + 2, at + 2 + length);
    if (value.length < length) return undefined;
    if (data[at] === wanted) return decoder.decode(value.at(-1) === 0 ? value.subarray(0, -1) : value);
    at += 2 + length;
  }
  return undefined;
}
