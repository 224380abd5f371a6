/** Chains: regular ones, and base chains, which packets enter at a hook. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, type Query } from '../message.ts';
import {
  type Attributes,
  i32be,
  nestedAttributes,
  optional,
  present,
  readAttributes,
  required,
  text,
  u32be,
  u64be,
} from '../reader.ts';
import { attribute, attributeText, attributeU32be, nested, type Writer } from '../writer.ts';
import * as c from './constants.ts';
import { type Family, familyOf, HEADER, nftHeader, type TableRef } from './family.ts';
import { commentData, commentOf } from './userdata.ts';

/** NF_INET_* of linux/netfilter.h, by their place; a bridge's hooks have the same numbers. */
export const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
/** NF_NETDEV_* of linux/netfilter.h: the hooks of the family `netdev`, which sees the packets of one device. */
export const DEVICE_HOOKS = ['ingress', 'egress'] as const;
export type Hook = (typeof HOOKS | typeof DEVICE_HOOKS)[number];
export type ChainType = 'filter' | 'nat' | 'route';
export type Policy = 'accept' | 'drop';

/** Where and when packets enter a base chain. */
export interface Base {
  readonly type: ChainType;
  readonly hook: Hook;
  /** Lower ones come first: -300 raw, -150 mangle, -100 dstnat, 0 filter, 100 srcnat. */
  readonly priority: number;
  readonly policy: Policy;
  /** Name of the device that it is for; in the family `netdev` only, and needed there. */
  readonly device?: string;
}

export interface ChainRef extends TableRef {
  readonly chain: string;
}

export interface ChainSpec extends ChainRef {
  readonly base?: Base;
  readonly comment?: string;
}

export interface Chain extends ChainSpec {
  readonly handle: bigint;
  /** How many rules it has and jumps lead to it. */
  readonly uses: number;
}

/** NFTA_CHAIN_*, NFTA_HOOK_* of nf_tables.h */
const TABLE = 1;
const HANDLE = 2;
const NAME = 3;
const HOOK = 4;
const POLICY = 5;
const USE = 6;
const TYPE = 7;
const USERDATA = 12;
const HOOK_NUMBER = 1;
const HOOK_PRIORITY = 2;
const HOOK_DEVICE = 3;
const NF_DROP = 0;
const NF_ACCEPT = 1;

/**
 * Makes a chain. No change when the same is there, but for `create`: EEXIST. A base chain with another type, hook or priority is EEXIST or
 * EOPNOTSUPP; another policy is set.
 */
export const addChain = (chain: ChainSpec, create = false): Message => ({
  name: 'NFT_MSG_NEWCHAIN',
  type: c.NEWCHAIN,
  flags: create ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE,
  write(writer) {
    writeRef(writer, chain);
    if (chain.comment !== undefined) attribute(writer, USERDATA, commentData(chain.comment));
    const { base } = chain;
    if (base === undefined) return;
    attributeText(writer, TYPE, base.type);
    attributeU32be(writer, POLICY, base.policy === 'drop' ? NF_DROP : NF_ACCEPT);
    nested(writer, HOOK | c.NESTED, () => {
      attributeU32be(writer, HOOK_NUMBER, hooksOf(chain.family).indexOf(base.hook));
      attributeU32be(writer, HOOK_PRIORITY, base.priority >>> 0);
      if (base.device !== undefined) attributeText(writer, HOOK_DEVICE, base.device);
    });
  },
});

/** Removes an empty chain. EBUSY: it has rules, or a rule or element leads to it. ENOENT: there is none. */
export const deleteChain = (chain: ChainRef): Message => ({
  name: 'NFT_MSG_DELCHAIN',
  type: c.DELCHAIN,
  flags: 0,
  write: (writer) => writeRef(writer, chain),
});

/** For `get`; ENOENT: there is none. */
export const getChain = (chain: ChainRef): Query<Chain> => ({
  name: 'NFT_MSG_GETCHAIN',
  type: c.GETCHAIN,
  flags: 0,
  write: (writer) => writeRef(writer, chain),
  decode: decodeChain,
});

/** The chains of one table, of a family, or all. For `dump`. */
export const listChains = (filter: Partial<TableRef> = {}): Query<Chain> => ({
  name: 'NFT_MSG_GETCHAIN',
  type: c.GETCHAIN,
  flags: 0,
  write: (writer) => nftHeader(writer, filter.family),
  decode(body, type) {
    const chain = decodeChain(body, type);
    return filter.table === undefined || chain?.table === filter.table ? chain : undefined;
  },
});

const hooksOf = (family: Family): readonly Hook[] => (family === 'netdev' ? DEVICE_HOOKS : HOOKS);

/** A chain whose device is gone names none. */
function deviceOf(hook: Attributes): Pick<Base, 'device'> {
  const device = optional(hook, HOOK_DEVICE, text);
  return device === undefined ? {} : { device };
}

function writeRef(writer: Writer, { family, table, chain }: ChainRef): void {
  nftHeader(writer, family);
  attributeText(writer, TABLE, table);
  attributeText(writer, NAME, chain);
}

/** @throws WireError. */
export function decodeChain(body: Uint8Array, type: number): Chain | undefined {
  const family: Family | undefined = type === c.NEWCHAIN ? familyOf(body) : undefined;
  if (family === undefined) return undefined;
  const attributes = readAttributes(body, HEADER);
  const hook = nestedAttributes(attributes, HOOK);
  const number = optional(hook, HOOK_NUMBER, u32be);
  return present<Chain>({
    family,
    table: required(attributes, TABLE, text),
    chain: required(attributes, NAME, text),
    comment: optional(attributes, USERDATA, commentOf),
    handle: required(attributes, HANDLE, u64be),
    uses: optional(attributes, USE, u32be) ?? 0,
    base:
      number === undefined
        ? undefined
        : {
            type: required(attributes, TYPE, text) as ChainType,
            hook: hooksOf(family)[number] ?? 'prerouting',
            priority: optional(hook, HOOK_PRIORITY, i32be) ?? 0,
            policy: optional(attributes, POLICY, u32be) === NF_DROP ? 'drop' : 'accept',
            ...deviceOf(hook),
          },
  });
}
