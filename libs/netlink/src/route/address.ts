/** IP addresses of links. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, type Query } from '../message.ts';
import { address as readIp, optional, present, readAttributes, text, u32, u8 } from '../reader.ts';
import { ipBytes } from '../text.ts';
import { attribute, attributeU32, LITTLE_ENDIAN, reserve, type Writer } from '../writer.ts';
import { RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from './constants.ts';
import { addressFamily, AF_INET, type IpFamily, parsePrefix } from './family.ts';

/** An address to give to a link. */
export interface NewAddress {
  readonly index: number;
  /** `10.1.2.3/24` */
  readonly address: string;
  /** IPv4 only. */
  readonly broadcast?: string;
  /** Whether IPv6 uses it at once, without asking whether another has it. */
  readonly noDad?: boolean;
  /** Leaves out the route to its network. */
  readonly noPrefixRoute?: boolean;
  /** The other end, for a link of two. */
  readonly peer?: string;
  /** `global` when absent. */
  readonly scope?: Scope;
}

export type Scope = 'global' | 'site' | 'link' | 'host';
/** RT_SCOPE_* of linux/rtnetlink.h */
export const SCOPES: Readonly<Record<Scope, number>> = { global: 0, site: 200, link: 253, host: 254 };

/** IFA_* of linux/if_addr.h */
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_PERMANENT = 0x80;
const IFA_F_NOPREFIXROUTE = 0x200;
const HEADER = 8;

/** Fails with EEXIST when the link has the address with this prefix. */
export const addAddress = (address: NewAddress): Message => ({
  name: 'RTM_NEWADDR',
  type: RTM_NEWADDR,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  write: (writer) => writeAddress(writer, address),
});

/** Adds it, or changes its flags and lifetimes where the link has it. */
export const replaceAddress = (address: NewAddress): Message => ({
  ...addAddress(address),
  flags: NLM_F_CREATE | NLM_F_REPLACE,
});

/** Takes an address with this prefix away. EADDRNOTAVAIL: the link has none. ENODEV: there is no such link. */
export const deleteAddress = (index: number, address: string): Message => ({
  name: 'RTM_DELADDR',
  type: RTM_DELADDR,
  flags: 0,
  write: (writer) => writeAddress(writer, { index, address }),
});

function writeAddress(
  writer: Writer,
  { index, address, broadcast, peer, scope, noDad, noPrefixRoute }: NewAddress,
): void {
  const { bytes, length, family } = parsePrefix(address);
  const flags = (noDad === true ? IFA_F_NODAD : 0) | (noPrefixRoute === true ? IFA_F_NOPREFIXROUTE : 0);
  header(writer, { family, length, flags: flags & 0xff, scope: SCOPES[scope ?? 'global'], index });
  attribute(writer, IFA_LOCAL, bytes);
  if (broadcast !== undefined) attribute(writer, IFA_BROADCAST, ipBytes(broadcast));
  attribute(writer, IFA_ADDRESS, peer === undefined ? bytes : ipBytes(peer));
  // The header has room for eight flags only.
  if (flags > 0xff) attributeU32(writer, IFA_FLAGS, flags);
}

interface Header {
  readonly family: number;
  readonly index: number;
  readonly length?: number;
  readonly flags?: number;
  readonly scope?: number;
}

/** `struct ifaddrmsg`: family, length of the prefix, flags, scope, index. */
function header(writer: Writer, { family, length, flags, scope, index }: Header): void {
  const at = reserve(writer, HEADER);
  writer.bytes.set([family, length ?? 0, flags ?? 0, scope ?? 0], at);
  writer.view.setUint32(at + 4, index, LITTLE_ENDIAN);
}

/** An address as the kernel describes it. */
export interface Address {
  readonly index: number;
  readonly family: IpFamily;
  /** Without prefix. */
  readonly address: string;
  readonly prefixLength: number;
  readonly broadcast?: string;
  readonly label?: string;
  /** RT_SCOPE_* of linux/rtnetlink.h */
  readonly scope: number;
  /** IFA_F_* of linux/if_addr.h */
  readonly flags: number;
  /** IPv6: still asking whether another has it, so that no packet uses it. */
  readonly tentative: boolean;
  /** IPv6: another has it. */
  readonly dadFailed: boolean;
  readonly deprecated: boolean;
  /** It has no lifetime. */
  readonly permanent: boolean;
}

/** Addresses of one link, of one family, or all. For `dump`; kernels before 4.20 list all, and the rest is left out here. */
export const listAddresses = (
  filter: { readonly index?: number; readonly family?: IpFamily } = {},
): Query<Address> => ({
  name: 'RTM_GETADDR',
  type: RTM_GETADDR,
  flags: 0,
  write: (writer) =>
    header(writer, {
      family: filter.family === undefined ? 0 : addressFamily(filter.family),
      index: filter.index ?? 0,
    }),
  decode(body, type) {
    const address = decodeAddress(body, type);
    if (filter.family !== undefined && address?.family !== filter.family) return undefined;
    return filter.index === undefined || address?.index === filter.index ? address : undefined;
  },
});

/** @throws WireError. */
export function decodeAddress(body: Uint8Array, type: number): Address | undefined {
  if (type !== RTM_NEWADDR) return undefined;
  const attributes = readAttributes(body, HEADER);
  // IFA_ADDRESS is the other end where there is a peer; IPv6 often gives it alone.
  const address = optional(attributes, IFA_LOCAL, readIp) ?? optional(attributes, IFA_ADDRESS, readIp);
  if (address === undefined) return undefined;
  const flags = optional(attributes, IFA_FLAGS, u32) ?? u8(body, 2);
  return present<Address>({
    index: u32(body, 4),
    family: u8(body, 0) === AF_INET ? 4 : 6,
    address,
    prefixLength: u8(body, 1),
    broadcast: optional(attributes, IFA_BROADCAST, readIp),
    label: optional(attributes, IFA_LABEL, text),
    scope: u8(body, 3),
    flags,
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    dadFailed: (flags & IFA_F_DADFAILED) !== 0,
    deprecated: (flags & IFA_F_DEPRECATED) !== 0,
    permanent: (flags & IFA_F_PERMANENT) !== 0,
  });
}
