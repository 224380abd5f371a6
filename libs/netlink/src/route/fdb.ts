/** Forwarding entries: by which port of a bridge, or by which host of a VXLAN, a MAC is reached. */
import { type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, type Query } from '../message.ts';
import { address as readIp, optional, present, readAttributes, required, u16, u32, u8 } from '../reader.ts';
import { ipBytes, macBytes, macText } from '../text.ts';
import { attribute, attributeU16 } from '../writer.ts';
import { RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from './constants.ts';
import { AF_BRIDGE } from './family.ts';
import {
  NDA_DST,
  NDA_LLADDR,
  NDA_MASTER,
  NDA_VLAN,
  NEIGH_HEADER,
  neighHeader,
  NTF_MASTER,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
} from './neigh-header.ts';

/** An entry to make or to remove; it does not age. */
export interface FdbSpec {
  /** Index of the VXLAN (with `self`) or of the bridge's port (with `master`). */
  readonly index: number;
  /** `00:00:00:00:00:00` of a VXLAN: where packets to unknown addresses go, too. */
  readonly mac: string;
  readonly where: 'self' | 'master';
  /** VXLAN: the host that has it. */
  readonly remote?: string;
  /** Bridge with VLAN filtering: of which VLAN. */
  readonly vlan?: number;
}

/** EEXIST: there is an entry of this MAC. */
export const addFdb = (entry: FdbSpec): Message => fdb(entry, 'RTM_NEWNEIGH', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL);
/** VXLAN: one more host for a MAC. EEXIST: the host is there. */
export const appendFdb = (entry: FdbSpec): Message =>
  fdb(entry, 'RTM_NEWNEIGH', RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND);
/** ENOENT: there is none. */
export const deleteFdb = (entry: FdbSpec): Message => fdb(entry, 'RTM_DELNEIGH', RTM_DELNEIGH, 0);

const fdb = ({ index, mac, where, remote, vlan }: FdbSpec, name: string, type: number, flags: number): Message => ({
  name,
  type,
  flags,
  write(writer) {
    neighHeader(writer, AF_BRIDGE, index, NUD_PERMANENT | NUD_NOARP, where === 'self' ? NTF_SELF : NTF_MASTER);
    attribute(writer, NDA_LLADDR, macBytes(mac));
    if (remote !== undefined) attribute(writer, NDA_DST, ipBytes(remote));
    if (vlan !== undefined) attributeU16(writer, NDA_VLAN, vlan);
  },
});

/** An entry as the kernel describes it. */
export interface FdbEntry {
  readonly index: number;
  readonly mac: string;
  readonly self: boolean;
  readonly permanent: boolean;
  readonly remote?: string;
  readonly vlan?: number;
  readonly masterIndex?: number;
}

/** Entries of one device (its own) or, by `masterIndex`, of a bridge's ports. For `dump`. */
export const listFdb = (filter: { readonly index?: number; readonly masterIndex?: number } = {}): Query<FdbEntry> => ({
  name: 'RTM_GETNEIGH',
  type: RTM_GETNEIGH,
  flags: 0,
  write: (writer) => neighHeader(writer, AF_BRIDGE, filter.index ?? 0, 0, 0),
  decode(body, type) {
    const entry = decodeFdb(body, type);
    if (filter.index !== undefined && entry?.index !== filter.index) return undefined;
    return filter.masterIndex !== undefined && entry?.masterIndex !== filter.masterIndex ? undefined : entry;
  },
});

/** @throws WireError. */
export function decodeFdb(body: Uint8Array, type: number): FdbEntry | undefined {
  if (type !== RTM_NEWNEIGH || u8(body, 0) !== AF_BRIDGE) return undefined;
  const attributes = readAttributes(body, NEIGH_HEADER);
  return present<FdbEntry>({
    index: u32(body, 4),
    mac: required(attributes, NDA_LLADDR, macText),
    self: (u8(body, 10) & NTF_SELF) !== 0,
    permanent: (u16(body, 8) & (NUD_PERMANENT | NUD_NOARP)) !== 0,
    remote: optional(attributes, NDA_DST, readIp),
    vlan: optional(attributes, NDA_VLAN, u16),
    masterIndex: optional(attributes, NDA_MASTER, u32),
  });
}
