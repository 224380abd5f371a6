/**
 * Expressions, of which a rule is a list: each loads something into a register, compares a register, or acts. As values they can be
 * printed and compared; `expression-codec.ts` turns them into bytes and back.
 *
 * Registers are numbered as in nf_tables.h: 1 to 4 have 16 bytes each, 8 to 23 are the same memory in pieces of 4 bytes (1 is 8 to 11).
 */
import type { Data, Verdict } from './data.ts';

export type Register = number;

/** The register of the `word`-th four bytes: a key that is a concatenation is loaded into those from word 0 on. */
export const registerAt = (word: number): Register => (word % 4 === 0 ? 1 + word / 4 : 8 + word);

export const META_KEYS = {
  protocol: 1,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  nfproto: 15,
  l4proto: 16,
  pkttype: 19,
} as const;
export type MetaKey = keyof typeof META_KEYS;

export const CT_KEYS = {
  state: 0,
  direction: 1,
  status: 2,
  mark: 3,
  l3proto: 7,
  src: 8,
  dst: 9,
  protocol: 10,
  zone: 17,
} as const;
export type CtKey = keyof typeof CT_KEYS;
/** Bits of `ct state` (NF_CT_STATE_BIT) and `ct status` (IPS_*), in the machine's order. */
export const CT_STATE = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
export const CT_STATUS = {
  expected: 1,
  seenReply: 2,
  assured: 4,
  confirmed: 8,
  snat: 16,
  dnat: 32,
  dying: 512,
} as const;

export const CMP_OPS = ['eq', 'neq', 'lt', 'lte', 'gt', 'gte'] as const;
export const PAYLOAD_BASES = ['link', 'network', 'transport'] as const;
export const NAT_TYPES = ['snat', 'dnat'] as const;
export const REJECT_TYPES = ['icmp', 'tcp-reset', 'icmpx'] as const;
export const RT_KEYS = { classid: 0, nexthop4: 1, nexthop6: 2, tcpmss: 3 } as const;
export const FIB_RESULTS = { oif: 1, oifname: 2, type: 3 } as const;
/** NFTA_FIB_F_* */
export const FIB_FLAGS = { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16, present: 32 } as const;
/** RTN_* of linux/rtnetlink.h: what `fib … type` loads, in the machine's order. */
export const FIB_TYPE_LOCAL = 2;
/** NF_NAT_RANGE_* of linux/netfilter/nf_nat.h */
export const NAT_FLAGS = { random: 4, persistent: 8, fullyRandom: 16 } as const;

export type Expression =
  /** Loads bytes of the packet. */
  | {
      readonly kind: 'payload';
      readonly base: (typeof PAYLOAD_BASES)[number];
      readonly offset: number;
      readonly length: number;
      readonly to: Register;
    }
  | { readonly kind: 'meta'; readonly key: MetaKey; readonly to: Register }
  | { readonly kind: 'meta-set'; readonly key: MetaKey; readonly from: Register }
  | { readonly kind: 'ct'; readonly key: CtKey; readonly to: Register; readonly direction?: number }
  | { readonly kind: 'ct-set'; readonly key: CtKey; readonly from: Register }
  /** Loads the result of a lookup in the routing tables. `flags`: FIB_FLAGS, or-ed. */
  | { readonly kind: 'fib'; readonly result: keyof typeof FIB_RESULTS; readonly flags: number; readonly to: Register }
  /** Loads something of the packet's route: `tcpmss` the largest segment, in the machine's order. */
  | { readonly kind: 'rt'; readonly key: keyof typeof RT_KEYS; readonly to: Register }
  | { readonly kind: 'immediate'; readonly to: Register; readonly value: Uint8Array }
  /** Ends the rule when the comparison does not hold. */
  | { readonly kind: 'cmp'; readonly from: Register; readonly op: (typeof CMP_OPS)[number]; readonly value: Uint8Array }
  | {
      readonly kind: 'range';
      readonly from: Register;
      readonly op: 'eq' | 'neq';
      readonly low: Uint8Array;
      readonly high: Uint8Array;
    }
  /** `to = (from & mask) ^ xor` */
  | {
      readonly kind: 'bitwise';
      readonly from: Register;
      readonly to: Register;
      readonly length: number;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
    }
  /** Turns fields of `size` bytes in `length` bytes around. */
  | {
      readonly kind: 'byteorder';
      readonly op: 'ntoh' | 'hton';
      readonly from: Register;
      readonly to: Register;
      readonly length: number;
      readonly size: number;
    }
  /**
   * Ends the rule when the set lacks the key (or, `inverted`, has it). Of a map the data goes to `to`; 0 is the verdict. `id` names an
   * anonymous set of the same transaction.
   */
  | {
      readonly kind: 'lookup';
      readonly set: string;
      readonly id?: number;
      readonly from: Register;
      readonly to?: Register;
      readonly inverted?: boolean;
    }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** Address and port come from registers, in network order. `flags`: NAT_FLAGS, or-ed. */
  | {
      readonly kind: 'nat';
      readonly type: (typeof NAT_TYPES)[number];
      readonly family: 'ip' | 'ip6';
      readonly address?: Register;
      readonly addressMax?: Register;
      readonly port?: Register;
      readonly portMax?: Register;
      readonly flags?: number;
    }
  | { readonly kind: 'masquerade'; readonly flags?: number; readonly port?: Register; readonly portMax?: Register }
  /** What it has counted; from zero when absent. */
  | { readonly kind: 'counter'; readonly bytes?: bigint; readonly packets?: bigint }
  /** Ends the rule when there were more than `rate` in `unit` seconds and `burst` beyond. */
  | {
      readonly kind: 'limit';
      readonly rate: bigint;
      readonly unit: bigint;
      readonly burst: number;
      readonly type: 'packets' | 'bytes';
      readonly inverted?: boolean;
    }
  /** Sends the packet by the device whose index is in the register, in place of where it was going. Linux 5.6, family `netdev`. */
  | { readonly kind: 'fwd'; readonly from: Register }
  /** `code`: of ICMP, ICMPv6, or NFT_REJECT_ICMPX_*. */
  | { readonly kind: 'reject'; readonly type: (typeof REJECT_TYPES)[number]; readonly code: number }
  /** Loads or writes a field of an option of TCP: `option` 2 is the largest segment, which stands at offset 2 with length 2. */
  | {
      readonly kind: 'tcp-option';
      readonly option: number;
      readonly offset: number;
      readonly length: number;
      readonly to: Register;
    }
  | {
      readonly kind: 'tcp-option-set';
      readonly option: number;
      readonly offset: number;
      readonly length: number;
      readonly from: Register;
    }
  /** Of a foreign rule: an expression that this library does not know. `data` are its attributes. */
  | { readonly kind: 'unknown'; readonly name: string; readonly data: Uint8Array };

export type { Data, Verdict };
