/** Elements of sets and maps. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, type Query } from '../message.ts';
import { WireError } from '../error.ts';
import { dataView, present, scanAttributes, u32be } from '../reader.ts';
import { attribute, attributeText, attributeU32be, nested, type Writer } from '../writer.ts';
import * as c from './constants.ts';
import { type Data, DATA_VALUE, readData, writeData } from './data.ts';
import { HEADER, nftHeader } from './family.ts';
import type { SetRef } from './set.ts';
import { commentData, commentOf } from './userdata.ts';

export interface Element {
  /** As `value.ts` makes it. */
  readonly key: Uint8Array;
  /** The last key of a range in a set of concatenations. */
  readonly keyEnd?: Uint8Array;
  /** Of a set of ranges without concatenation: the key is the first that no longer belongs to the range before. */
  readonly isEnd?: boolean;
  /** Of a map. */
  readonly data?: Data;
  /** At most 127 bytes. */
  readonly comment?: string;
}

/** Where elements go: a named set, or an anonymous one of the same transaction by its name and id. */
export interface Target extends SetRef {
  readonly id?: number;
}

/** NFTA_SET_ELEM_LIST_*, NFTA_SET_ELEM_* of nf_tables.h */
const LIST_TABLE = 1;
const LIST_SET = 2;
const LIST_ELEMENTS = 3;
const LIST_SET_ID = 4;
const KEY = 1;
const DATA = 2;
const FLAGS = 3;
const USERDATA = 6;
const KEY_END = 10;
const INTERVAL_END = 1;

/**
 * Adds elements; no change where one is there with the same data, EEXIST where it has other data. ENOENT: no such set, or no chain that a
 * verdict leads to.
 */
export const addElements = (target: Target, elements: readonly Element[]): Message[] =>
  lists('NFT_MSG_NEWSETELEM', c.NEWSETELEM, NLM_F_CREATE, target, elements);

/** Adds elements that must not be there: EEXIST. That makes it a claim. */
export const createElements = (target: Target, elements: readonly Element[]): Message[] =>
  lists('NFT_MSG_NEWSETELEM', c.NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, target, elements);

/** Removes elements by their keys; data and comments are not compared. ENOENT: one is not there. */
export const deleteElements = (
  target: Target,
  elements: readonly Pick<Element, 'key' | 'keyEnd' | 'isEnd'>[],
): Message[] =>
  lists(
    'NFT_MSG_DELSETELEM',
    c.DELSETELEM,
    0,
    target,
    elements.map(({ key, keyEnd, isEnd }) => present<Element>({ key, keyEnd, isEnd })),
  );

/** Removes all elements. */
export const flushSet = (set: SetRef): Message => ({
  name: 'NFT_MSG_DELSETELEM',
  type: c.DELSETELEM,
  flags: 0,
  write: (writer) => writeTarget(writer, set),
});

/** A list is an attribute, and so shorter than 64 KiB. An element with the longest key, data and comment has some 400 bytes. */
const MAX_BYTES = 60_000;
const OVERHEAD = 64;

function lists(name: string, type: number, flags: number, target: Target, elements: readonly Element[]): Message[] {
  const messages: Message[] = [];
  for (let from = 0; from < elements.length;) {
    let to = from;
    for (let size = 0; to < elements.length && size < MAX_BYTES; to += 1) size += sizeOf(elements[to] as Element);
    const part = elements.slice(from, to);
    messages.push({ name, type, flags, write: (writer) => writeList(writer, target, part) });
    from = to;
  }
  return messages;
}

/** A bound, not the size: what counts is that no list grows too long. */
function sizeOf({ key, keyEnd, data, comment }: Element): number {
  const dataSize = data instanceof Uint8Array ? data.length : 48;
  return OVERHEAD + key.length + (keyEnd?.length ?? 0) + dataSize + (comment === undefined ? 0 : 3 * comment.length);
}

function writeList(writer: Writer, target: Target, elements: readonly Element[]): void {
  writeTarget(writer, target);
  nested(writer, LIST_ELEMENTS | c.NESTED, () => {
    for (const element of elements) nested(writer, c.LIST_ELEM | c.NESTED, () => writeElement(writer, element));
  });
}

function writeTarget(writer: Writer, { family, table, set, id }: Target): void {
  nftHeader(writer, family);
  attributeText(writer, LIST_TABLE, table);
  attributeText(writer, LIST_SET, set);
  if (id !== undefined) attributeU32be(writer, LIST_SET_ID, id);
}

function writeElement(writer: Writer, { key, keyEnd, isEnd, data, comment }: Element): void {
  if (isEnd === true) attributeU32be(writer, FLAGS, INTERVAL_END);
  writeData(writer, KEY, key);
  if (keyEnd !== undefined) writeData(writer, KEY_END, keyEnd);
  if (data !== undefined) writeData(writer, DATA, data);
  if (comment !== undefined) attribute(writer, USERDATA, commentData(comment));
}

/** One element by its key: for `get`, at constant cost. ENOENT: no such element, or no such set. */
export const getElement = (set: SetRef, key: Uint8Array): Query<Element> => ({
  name: 'NFT_MSG_GETSETELEM',
  type: c.GETSETELEM,
  flags: 0,
  write: (writer) => writeList(writer, set, [{ key }]),
  decode: (body, type) => decodeElements(body, type)?.[0],
});

/** All elements, a list for each part of the answer. Ask by `readElements`, which notices a wrong list. ENOENT: no such set. */
export const listElements = (set: SetRef): Query<readonly Element[]> => ({
  name: 'NFT_MSG_GETSETELEM',
  type: c.GETSETELEM,
  flags: 0,
  write: (writer) => writeTarget(writer, set),
  decode: decodeElements,
});

/** @throws WireError. */
export function decodeElements(body: Uint8Array, type: number): readonly Element[] | undefined {
  if (type !== c.NEWSETELEM) return undefined;
  const elements: Element[] = [];
  const view = dataView(body);
  scanAttributes(view, HEADER, body.length, (list, listFrom, listTo) => {
    if (list !== LIST_ELEMENTS) return;
    scanAttributes(view, listFrom, listTo, (kind, from, to) => {
      if (kind === c.LIST_ELEM) elements.push(readElement(body, view, from, to));
    });
  });
  return elements;
}

/** A list may have thousands: no object is made that is not in the result. */
function readElement(body: Uint8Array, view: DataView, from: number, to: number): Element {
  const element: { -readonly [K in keyof Element]?: Element[K] } = {};
  scanAttributes(view, from, to, (type, start, end) => {
    if (type === KEY) element.key = valueAt(body, view, start, end);
    else if (type === KEY_END) element.keyEnd = valueAt(body, view, start, end);
    else if (type === DATA) element.data = readData(body.subarray(start, end));
    else if (type === FLAGS && (u32be(body, start) & INTERVAL_END) !== 0) element.isEnd = true;
    else if (type === USERDATA) {
      const comment = commentOf(body.subarray(start, end));
      if (comment !== undefined) element.comment = comment;
    }
  });
  if (element.key === undefined) throw new WireError('an element without a key: one that catches all is not supported');
  return element as Element;
}

/** The bytes of a value in an attribute; a key is never a verdict. */
function valueAt(body: Uint8Array, view: DataView, from: number, to: number): Uint8Array {
  let value: Uint8Array | undefined;
  scanAttributes(view, from, to, (type, start, end) => {
    if (type === DATA_VALUE) value = body.slice(start, end);
  });
  if (value === undefined) throw new WireError('a key without a value');
  return value;
}
