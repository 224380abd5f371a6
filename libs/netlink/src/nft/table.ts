/** Tables. */
import { type Message, NLM_F_EXCL, type Query } from '../message.ts';
import { optional, present, readAttributes, required, text, u32be, u64be } from '../reader.ts';
import { attribute, attributeText, attributeU32be } from '../writer.ts';
import * as c from './constants.ts';
import { type Family, familyOf, HEADER, nftHeader, type TableRef } from './family.ts';
import { commentData, commentOf } from './userdata.ts';

/** NFTA_TABLE_* of nf_tables.h */
const NAME = 1;
const FLAGS = 2;
const USE = 3;
const HANDLE = 4;
const USERDATA = 6;

export interface Table extends TableRef {
  readonly comment?: string;
  readonly handle: bigint;
  /** NFT_TABLE_F_*: 1 dormant (its rules are off). */
  readonly flags: number;
  /** How many chains, sets and other objects it has. */
  readonly uses: number;
}

/** Makes a table; no change when it is there, but for `create`: EEXIST. */
export const addTable = (table: TableRef & { readonly comment?: string }, create = false): Message => ({
  name: 'NFT_MSG_NEWTABLE',
  type: c.NEWTABLE,
  flags: create ? NLM_F_EXCL : 0,
  write(writer) {
    nftHeader(writer, table.family);
    attributeText(writer, NAME, table.table);
    attributeU32be(writer, FLAGS, 0);
    if (table.comment !== undefined) attribute(writer, USERDATA, commentData(table.comment));
  },
});

/** Removes a table and all that is in it. ENOENT: there is none. */
export const deleteTable = (table: TableRef): Message => ({
  name: 'NFT_MSG_DELTABLE',
  type: c.DELTABLE,
  flags: 0,
  write(writer) {
    nftHeader(writer, table.family);
    attributeText(writer, NAME, table.table);
  },
});

/** For `get`; ENOENT: there is none. */
export const getTable = (table: TableRef): Query<Table> => ({
  name: 'NFT_MSG_GETTABLE',
  type: c.GETTABLE,
  flags: 0,
  write(writer) {
    nftHeader(writer, table.family);
    attributeText(writer, NAME, table.table);
  },
  decode: decodeTable,
});

/** For `dump`. */
export const listTables = (family?: Family): Query<Table> => ({
  name: 'NFT_MSG_GETTABLE',
  type: c.GETTABLE,
  flags: 0,
  write: (writer) => nftHeader(writer, family),
  decode: decodeTable,
});

/** @throws WireError. */
export function decodeTable(body: Uint8Array, type: number): Table | undefined {
  const family = type === c.NEWTABLE ? familyOf(body) : undefined;
  if (family === undefined) return undefined;
  const attributes = readAttributes(body, HEADER);
  return present<Table>({
    family,
    table: required(attributes, NAME, text),
    comment: optional(attributes, USERDATA, commentOf),
    handle: required(attributes, HANDLE, u64be),
    flags: optional(attributes, FLAGS, u32be) ?? 0,
    uses: optional(attributes, USE, u32be) ?? 0,
  });
}
