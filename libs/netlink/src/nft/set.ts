/** Sets and maps. Their elements are `element.ts`. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_NONREC, type Query } from '../message.ts';
import { nestedAttributes, optional, present, readAttributes, required, text, u32be, u64be } from '../reader.ts';
import { attribute, attributeText, attributeU32be, nested, type Writer } from '../writer.ts';
import * as c from './constants.ts';
import { describe, fieldsOf, namesOf, type TypeNames, VERDICT_TYPE } from './datatype.ts';
import { familyOf, HEADER, nftHeader, type TableRef } from './family.ts';
import { setCommentOf, setData } from './userdata.ts';

export interface SetRef extends TableRef {
  readonly set: string;
}

/** A set, or with `data` a map, or with `verdict` a verdict map. */
export interface SetSpec extends SetRef {
  readonly key: TypeNames;
  readonly data?: TypeNames | 'verdict';
  /** Elements may be ranges. */
  readonly interval?: boolean;
  /** The most elements that it may have. */
  readonly size?: number;
  readonly comment?: string;
  /** By which the transaction's other messages can mean it; they can by its name, too. */
  readonly id?: number;
}

/** A set that belongs to one rule of the same transaction, and goes with it; its name is the kernel's to choose. */
export interface AnonymousSet extends TableRef {
  /** Chosen by the caller, unique in the transaction; not 0. */
  readonly id: number;
  readonly key: TypeNames;
  readonly data?: TypeNames | 'verdict';
  readonly interval?: boolean;
  /** The number of its elements. */
  readonly size: number;
}

/** NFTA_SET_*, NFTA_SET_DESC_*, NFTA_SET_FIELD_* of nf_tables.h */
const TABLE = 1;
const NAME = 2;
const FLAGS = 3;
const KEY_TYPE = 4;
const KEY_LEN = 5;
const DATA_TYPE = 6;
const DATA_LEN = 7;
const DESC = 9;
const ID = 10;
const USERDATA = 13;
const HANDLE = 16;
const DESC_SIZE = 1;
const DESC_CONCAT = 2;
const FIELD_LEN = 1;
/** NFT_SET_* */
const F_ANONYMOUS = 0x1;
const F_CONSTANT = 0x2;
const F_INTERVAL = 0x4;
const F_MAP = 0x8;
const F_CONCAT = 0x80;

/** The name that elements and rules of the same transaction use, beside the id. */
export const anonymousName = ({ data }: Pick<AnonymousSet, 'data'>): string =>
  data === undefined ? '__set%d' : '__map%d';

/** Makes a set or map. No change when the same is there (EEXIST when it has other types), but for `create`: EEXIST always. */
export const addSet = (set: SetSpec, create = false): Message =>
  newSet({ id: 0, ...set, extraFlags: 0 }, create ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE);

export const addAnonymousSet = (set: AnonymousSet): Message =>
  newSet({ ...set, set: anonymousName(set), extraFlags: F_ANONYMOUS | F_CONSTANT }, NLM_F_CREATE);

const newSet = (set: SetSpec & { readonly id: number; readonly extraFlags: number }, flags: number): Message => ({
  name: 'NFT_MSG_NEWSET',
  type: c.NEWSET,
  flags,
  write(writer) {
    const fields = fieldsOf(set.key);
    const isRange = set.interval === true;
    const ranges = isRange ? F_INTERVAL | (fields.length > 1 ? F_CONCAT : 0) : 0;
    const key = describe(set.key);
    writeRef(writer, set);
    attributeU32be(writer, FLAGS, set.extraFlags | ranges | (set.data === undefined ? 0 : F_MAP));
    attributeU32be(writer, KEY_TYPE, key.number);
    attributeU32be(writer, KEY_LEN, key.size);
    if (set.data !== undefined) {
      const data = set.data === 'verdict' ? { number: VERDICT_TYPE, size: 0 } : describe(set.data);
      attributeU32be(writer, DATA_TYPE, data.number);
      attributeU32be(writer, DATA_LEN, data.size);
    }
    attributeU32be(writer, ID, set.id);
    const sizes = isRange && fields.length > 1 ? fields.map((field) => field.size) : [];
    if (set.size !== undefined || sizes.length > 0) writeDesc(writer, set.size, sizes);
    attribute(writer, USERDATA, setData(set.key, set.data, set.comment));
  },
});

/** How large the set will be, and of ranges in a concatenation how long each field is. */
function writeDesc(writer: Writer, size: number | undefined, fieldSizes: readonly number[]): void {
  nested(writer, DESC | c.NESTED, () => {
    if (size !== undefined) attributeU32be(writer, DESC_SIZE, size);
    if (fieldSizes.length === 0) return;
    nested(writer, DESC_CONCAT | c.NESTED, () => {
      for (const length of fieldSizes) {
        nested(writer, c.LIST_ELEM | c.NESTED, () => attributeU32be(writer, FIELD_LEN, length));
      }
    });
  });
}

/** EBUSY: a rule uses it, or with `onlyEmpty` an element is in it. ENOENT: there is none. */
export const deleteSet = (set: SetRef, onlyEmpty = false): Message => ({
  name: 'NFT_MSG_DELSET',
  type: c.DELSET,
  flags: onlyEmpty ? NLM_F_NONREC : 0,
  write: (writer) => writeRef(writer, set),
});

export interface Set extends SetRef {
  /** Undefined where a type has no name here; then `keyType` tells it. */
  readonly key?: TypeNames;
  readonly handle: bigint;
  readonly keyType: number;
  /** In bytes. */
  readonly keyLength: number;
  readonly data?: TypeNames | 'verdict';
  readonly dataLength?: number;
  readonly isMap: boolean;
  readonly interval: boolean;
  readonly anonymous: boolean;
  readonly size?: number;
  readonly comment?: string;
}

/** For `get`; ENOENT: there is none. */
export const getSet = (set: SetRef): Query<Set> => ({
  name: 'NFT_MSG_GETSET',
  type: c.GETSET,
  flags: 0,
  write: (writer) => writeRef(writer, set),
  decode: decodeSet,
});

/** The sets and maps of a table. For `dump`. */
export const listSets = (table: TableRef): Query<Set> => ({
  name: 'NFT_MSG_GETSET',
  type: c.GETSET,
  flags: 0,
  write(writer) {
    nftHeader(writer, table.family);
    attributeText(writer, TABLE, table.table);
  },
  decode: decodeSet,
});

function writeRef(writer: Writer, { family, table, set }: SetRef): void {
  nftHeader(writer, family);
  attributeText(writer, TABLE, table);
  attributeText(writer, NAME, set);
}

/** @throws WireError. */
export function decodeSet(body: Uint8Array, type: number): Set | undefined {
  const family = type === c.NEWSET ? familyOf(body) : undefined;
  if (family === undefined) return undefined;
  const attributes = readAttributes(body, HEADER);
  const flags = optional(attributes, FLAGS, u32be) ?? 0;
  const keyType = optional(attributes, KEY_TYPE, u32be) ?? 0;
  const dataType = optional(attributes, DATA_TYPE, u32be);
  return present<Set>({
    family,
    table: required(attributes, TABLE, text),
    set: required(attributes, NAME, text),
    key: namesOf(keyType),
    handle: required(attributes, HANDLE, u64be),
    keyType,
    keyLength: required(attributes, KEY_LEN, u32be),
    data: dataType === undefined ? undefined : dataType === VERDICT_TYPE ? 'verdict' : namesOf(dataType),
    dataLength: optional(attributes, DATA_LEN, u32be),
    isMap: (flags & F_MAP) !== 0,
    interval: (flags & F_INTERVAL) !== 0,
    anonymous: (flags & F_ANONYMOUS) !== 0,
    size: optional(nestedAttributes(attributes, DESC), DESC_SIZE, u32be),
    comment: optional(attributes, USERDATA, setCommentOf),
  });
}
