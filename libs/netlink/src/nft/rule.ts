/** Rules. */
import { type Message, NLM_F_APPEND, NLM_F_CREATE, type Query } from '../message.ts';
import { forEachAttribute, optional, present, readAttributes, required, text, u64be } from '../reader.ts';
import { attribute, attributeText, attributeU64be, nested, type Writer } from '../writer.ts';
import type { ChainRef } from './chain.ts';
import * as c from './constants.ts';
import { readExpression, writeExpression } from './expression-codec.ts';
import type { Expression } from './expression.ts';
import { familyOf, HEADER, nftHeader } from './family.ts';
import { commentData, commentOf } from './userdata.ts';

export interface RuleSpec extends ChainRef {
  readonly expressions: readonly Expression[];
  /** At most 127 bytes. */
  readonly comment?: string;
}

export interface Rule extends RuleSpec {
  /** The kernel's number of the rule, by which it is removed. */
  readonly handle: bigint;
}

/** NFTA_RULE_* of nf_tables.h */
const TABLE = 1;
const CHAIN = 2;
const HANDLE = 3;
const EXPRESSIONS = 4;
const USERDATA = 7;

/** Adds a rule at the end of its chain. ENOENT: no such chain, or no set or chain that it names. */
export const addRule = (rule: RuleSpec): Message => newRule(rule, NLM_F_CREATE | NLM_F_APPEND);
/** Adds a rule at the beginning of its chain. */
export const insertRule = (rule: RuleSpec): Message => newRule(rule, NLM_F_CREATE);

const newRule = (rule: RuleSpec, flags: number): Message => ({
  name: 'NFT_MSG_NEWRULE',
  type: c.NEWRULE,
  flags,
  write(writer) {
    writeChain(writer, rule);
    nested(writer, EXPRESSIONS | c.NESTED, () => {
      for (const expression of rule.expressions) {
        nested(writer, c.LIST_ELEM | c.NESTED, () => writeExpression(writer, expression));
      }
    });
    if (rule.comment !== undefined) attribute(writer, USERDATA, commentData(rule.comment));
  },
});

/** ENOENT: there is none. */
export const deleteRule = (rule: ChainRef & { readonly handle: bigint }): Message => ({
  name: 'NFT_MSG_DELRULE',
  type: c.DELRULE,
  flags: 0,
  write(writer) {
    writeChain(writer, rule);
    attributeU64be(writer, HANDLE, rule.handle);
  },
});

/** Removes all rules of a chain. ENOENT: no such chain. */
export const flushChain = (chain: ChainRef): Message => ({
  name: 'NFT_MSG_DELRULE',
  type: c.DELRULE,
  flags: 0,
  write: (writer) => writeChain(writer, chain),
});

/** The rules of a chain, in order. For `dump`; none when there is no such chain. */
export const listRules = (chain: ChainRef): Query<Rule> => ({
  name: 'NFT_MSG_GETRULE',
  type: c.GETRULE,
  flags: 0,
  write: (writer) => writeChain(writer, chain),
  decode: decodeRule,
});

/** The rules of a table, chain after chain. For `dump`. */
export const listTableRules = ({ family, table }: Omit<ChainRef, 'chain'>): Query<Rule> => ({
  name: 'NFT_MSG_GETRULE',
  type: c.GETRULE,
  flags: 0,
  write(writer) {
    nftHeader(writer, family);
    attributeText(writer, TABLE, table);
  },
  decode: decodeRule,
});

function writeChain(writer: Writer, { family, table, chain }: ChainRef): void {
  nftHeader(writer, family);
  attributeText(writer, TABLE, table);
  attributeText(writer, CHAIN, chain);
}

/** @throws WireError. */
export function decodeRule(body: Uint8Array, type: number): Rule | undefined {
  const family = type === c.NEWRULE ? familyOf(body) : undefined;
  if (family === undefined) return undefined;
  const attributes = readAttributes(body, HEADER);
  const expressions: Expression[] = [];
  optional(attributes, EXPRESSIONS, (list) =>
    forEachAttribute(list, (kind, bytes) => void (kind === c.LIST_ELEM && expressions.push(readExpression(bytes)))),
  );
  return present<Rule>({
    family,
    table: required(attributes, TABLE, text),
    chain: required(attributes, CHAIN, text),
    handle: required(attributes, HANDLE, u64be),
    expressions,
    comment: optional(attributes, USERDATA, commentOf),
  });
}
