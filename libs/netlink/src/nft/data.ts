/** What a register can hold, an element can lead to, and a rule can decide. */
import { WireError } from '../error.ts';
import { type Attributes, dataView, i32be, optional, readAttributes, scanAttributes, text } from '../reader.ts';
import { attribute, attributeText, attributeU32be, nested, type Writer } from '../writer.ts';
import { NESTED } from './constants.ts';

/** What happens to a packet, or where it goes on. */
export type Verdict =
  'accept' | 'drop' | 'continue' | 'break' | 'return' | { readonly jump: string } | { readonly goto: string };

/** Bytes as the kernel compares them (`value.ts` makes them), or a verdict. */
export type Data = Uint8Array | Verdict;

/** linux/netfilter.h, enum nft_verdicts of nf_tables.h */
const CODES = { drop: 0, accept: 1, continue: -1, break: -2, jump: -3, goto: -4, return: -5 } as const;

/** NFTA_DATA_*, NFTA_VERDICT_* of nf_tables.h */
export const DATA_VALUE = 1;
const DATA_VERDICT = 2;
const VERDICT_CODE = 1;
const VERDICT_CHAIN = 2;

/** An attribute `type` that holds the data. */
export function writeData(writer: Writer, type: number, data: Data): void {
  nested(writer, type | NESTED, () => {
    if (data instanceof Uint8Array) attribute(writer, DATA_VALUE, data);
    else nested(writer, DATA_VERDICT | NESTED, () => writeVerdict(writer, data));
  });
}

function writeVerdict(writer: Writer, verdict: Verdict): void {
  if (typeof verdict === 'string') return attributeU32be(writer, VERDICT_CODE, CODES[verdict] >>> 0);
  const isJump = 'jump' in verdict;
  attributeU32be(writer, VERDICT_CODE, CODES[isJump ? 'jump' : 'goto'] >>> 0);
  attributeText(writer, VERDICT_CHAIN, isJump ? verdict.jump : verdict.goto);
}

/** A copy of the data in an attribute. @throws WireError. */
export function readData(bytes: Uint8Array): Data {
  let data: Data | undefined;
  scanAttributes(dataView(bytes), 0, bytes.length, (type, from, to) => {
    if (type === DATA_VALUE) data = bytes.slice(from, to);
    else if (type === DATA_VERDICT) data = readVerdict(readAttributes(bytes.subarray(from, to)));
  });
  if (data === undefined) throw new WireError('data without a value or a verdict');
  return data;
}

/** The bytes in an attribute, which cannot be a verdict. @throws WireError. */
export function readValue(bytes: Uint8Array): Uint8Array {
  const data = readData(bytes);
  if (data instanceof Uint8Array) return data;
  throw new WireError('a verdict in place of a value');
}

function readVerdict(attributes: Attributes): Verdict {
  const code = optional(attributes, VERDICT_CODE, i32be);
  const chain = optional(attributes, VERDICT_CHAIN, text) ?? '';
  if (code === CODES.jump) return { jump: chain };
  if (code === CODES.goto) return { goto: chain };
  const name = (['accept', 'drop', 'continue', 'break', 'return'] as const).find((known) => CODES[known] === code);
  if (name === undefined) throw new WireError(`verdict ${code} is not known`);
  return name;
}
