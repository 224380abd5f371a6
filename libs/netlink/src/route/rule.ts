/** Rules that choose a routing table by the source address. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, type Query } from '../message.ts';
import { address as readIp, optional, present, readAttributes, text, u32, u8 } from '../reader.ts';
import { attribute, attributeText, attributeU32, LITTLE_ENDIAN, reserve, type Writer } from '../writer.ts';
import { RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE } from './constants.ts';
import { addressFamily, AF_INET, AF_INET6, type IpFamily, parsePrefix } from './family.ts';

/** A rule to make or to remove: packets that match all of it look into `table`. At least one of the conditions is needed. */
export interface RuleSpec {
  /** Of the rule, where no address says it. */
  readonly family?: IpFamily;
  /** `10.1.2.3/32`; an address alone means all its bits. */
  readonly from?: string;
  readonly to?: string;
  /** Name of the link that the packet came by. */
  readonly iif?: string;
  readonly table: number;
  /** Rules are tried from the lowest on; the kernel chooses one below the others when absent. */
  readonly priority?: number;
}

/** FRA_* of linux/fib_rules.h */
const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_TABLE = 15;
const FR_ACT_TO_TBL = 1;
const HEADER = 12;

/** EEXIST: the same rule is there. */
export const addRule = (rule: RuleSpec): Message => ({
  name: 'RTM_NEWRULE',
  type: RTM_NEWRULE,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  write: (writer) => writeRule(writer, rule, FR_ACT_TO_TBL),
});

/** Removes the first rule that has all that is given. ENOENT: there is none. */
export const deleteRule = (rule: RuleSpec): Message => ({
  name: 'RTM_DELRULE',
  type: RTM_DELRULE,
  flags: 0,
  write: (writer) => writeRule(writer, rule, 0),
});

/** `struct fib_rule_hdr`: family, lengths of destination and source, TOS, table, two bytes unused, action, flags. */
function writeRule(writer: Writer, rule: RuleSpec, action: number): void {
  const from = rule.from === undefined ? undefined : parsePrefix(rule.from);
  const to = rule.to === undefined ? undefined : parsePrefix(rule.to);
  const family = from?.family ?? to?.family ?? addressFamily(rule.family ?? 4);
  const at = reserve(writer, HEADER);
  const table = rule.table > 255 ? 0 : rule.table;
  writer.bytes.set([family, to?.length ?? 0, from?.length ?? 0, 0, table, 0, 0, action], at);
  writer.view.setUint32(at + 8, 0, LITTLE_ENDIAN);
  if (from !== undefined) attribute(writer, FRA_SRC, from.bytes);
  if (to !== undefined) attribute(writer, FRA_DST, to.bytes);
  if (rule.priority !== undefined) attributeU32(writer, FRA_PRIORITY, rule.priority);
  if (rule.table > 255) attributeU32(writer, FRA_TABLE, rule.table);
  if (rule.iif !== undefined) attributeText(writer, FRA_IIFNAME, rule.iif);
}

/** A rule as the kernel describes it. */
export interface Rule {
  readonly family: IpFamily;
  readonly priority: number;
  readonly table: number;
  /** FR_ACT_* of linux/fib_rules.h; 1: look into the table. */
  readonly action: number;
  readonly from?: string;
  readonly to?: string;
  readonly iif?: string;
}

/** All rules of a family. For `dump`. */
export const listRules = (family: IpFamily): Query<Rule> => ({
  name: 'RTM_GETRULE',
  type: RTM_GETRULE,
  flags: 0,
  write(writer) {
    const at = reserve(writer, HEADER);
    writer.view.setUint8(at, addressFamily(family));
  },
  decode: decodeRule,
});

/** @throws WireError. */
export function decodeRule(body: Uint8Array, type: number): Rule | undefined {
  if (type !== RTM_NEWRULE) return undefined;
  const family = u8(body, 0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = readAttributes(body, HEADER);
  const from = optional(attributes, FRA_SRC, readIp);
  const to = optional(attributes, FRA_DST, readIp);
  return present<Rule>({
    family: family === AF_INET ? 4 : 6,
    priority: optional(attributes, FRA_PRIORITY, u32) ?? 0,
    table: optional(attributes, FRA_TABLE, u32) ?? u8(body, 4),
    action: u8(body, 7),
    from: from === undefined ? undefined : `${from}/${u8(body, 2)}`,
    to: to === undefined ? undefined : `${to}/${u8(body, 1)}`,
    iif: optional(attributes, FRA_IIFNAME, text),
  });
}
