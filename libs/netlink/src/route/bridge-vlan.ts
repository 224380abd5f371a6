/** VLANs of a bridge's ports, and of the bridge itself. */
import type { Message, Query } from '../message.ts';
import { forEachAttribute, i32, optional, readAttributes, u16 } from '../reader.ts';
import { attributeU16, attributeU32, LITTLE_ENDIAN, nested, reserve, type Writer } from '../writer.ts';
import {
  IFLA_AF_SPEC,
  IFLA_EXT_MASK,
  RTEXT_FILTER_BRVLAN_COMPRESSED,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from './constants.ts';
import { AF_BRIDGE } from './family.ts';
import { linkHeader } from './link-header.ts';

/** A VLAN, or a range of them. */
export interface Vlan {
  /** 1 to 4094. */
  readonly id: number;
  /** The last one of a range. */
  readonly to?: number;
  /** Packets without a tag belong to it; for a single VLAN only. */
  readonly pvid?: boolean;
  /** Packets leave without a tag. */
  readonly untagged?: boolean;
}

export interface PortVlans {
  /** Index of a port, or of the bridge itself with `self`. */
  readonly index: number;
  readonly self?: boolean;
  readonly vlans: readonly Vlan[];
}

/** linux/if_bridge.h */
const IFLA_BRIDGE_FLAGS = 0;
const IFLA_BRIDGE_VLAN_INFO = 2;
const BRIDGE_FLAGS_SELF = 2;
const PVID = 1 << 1;
const UNTAGGED = 1 << 2;
const RANGE_BEGIN = 1 << 3;
const RANGE_END = 1 << 4;

/** Adds VLANs, or changes how they leave. EOPNOTSUPP: the link is no port of a bridge, or the bridge knows no VLANs. */
export const addVlans = (port: PortVlans): Message => change(port, 'RTM_SETLINK', RTM_SETLINK);
/** Takes VLANs away; one that the port does not have is no error. */
export const deleteVlans = (port: PortVlans): Message => change(port, 'RTM_DELLINK', RTM_DELLINK);

const change = ({ index, self, vlans }: PortVlans, name: string, type: number): Message => ({
  name,
  type,
  flags: 0,
  write(writer) {
    linkHeader(writer, { index }, {}, AF_BRIDGE);
    nested(writer, IFLA_AF_SPEC, () => {
      if (self === true) attributeU16(writer, IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
      for (const vlan of vlans) writeVlan(writer, vlan);
    });
  },
});

function writeVlan(writer: Writer, { id, to, pvid, untagged }: Vlan): void {
  const flags = (pvid === true ? PVID : 0) | (untagged === true ? UNTAGGED : 0);
  if (to === undefined || to === id) return vlanInfo(writer, id, flags);
  vlanInfo(writer, id, flags | RANGE_BEGIN);
  vlanInfo(writer, to, flags | RANGE_END);
}

/** `struct bridge_vlan_info`: flags, id. @throws RangeError. */
function vlanInfo(writer: Writer, id: number, flags: number): void {
  if (!Number.isInteger(id) || id < 1 || id > 4094) throw new RangeError(`a VLAN is a number from 1 to 4094: ${id}`);
  nested(writer, IFLA_BRIDGE_VLAN_INFO, () => {
    const at = reserve(writer, 4);
    writer.view.setUint16(at, flags, LITTLE_ENDIAN);
    writer.view.setUint16(at + 2, id, LITTLE_ENDIAN);
  });
}

/** The VLANs of a port or bridge. */
export interface LinkVlans {
  readonly index: number;
  /** In order; neighbours that are alike come as a range. */
  readonly vlans: readonly Vlan[];
}

/** VLANs of all ports and bridges, or of one. For `dump`: the kernel lists all. */
export const listVlans = (filter: { readonly index?: number } = {}): Query<LinkVlans> => ({
  name: 'RTM_GETLINK',
  type: RTM_GETLINK,
  flags: 0,
  write(writer) {
    linkHeader(writer, { index: 0 }, {}, AF_BRIDGE);
    attributeU32(writer, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
  },
  decode(body, type) {
    const vlans = decodeVlans(body, type);
    return filter.index === undefined || vlans?.index === filter.index ? vlans : undefined;
  },
});

/** @throws WireError. */
export function decodeVlans(body: Uint8Array, type: number): LinkVlans | undefined {
  if (type !== RTM_NEWLINK) return undefined;
  const vlans: Vlan[] = [];
  let begin: number | undefined;
  optional(readAttributes(body, 16), IFLA_AF_SPEC, (spec) =>
    forEachAttribute(spec, (kind, info) => {
      if (kind !== IFLA_BRIDGE_VLAN_INFO) return;
      const flags = u16(info, 0);
      const id = u16(info, 2);
      if ((flags & RANGE_BEGIN) !== 0) {
        begin = id;
        return;
      }
      const range = (flags & RANGE_END) !== 0 && begin !== undefined ? { id: begin, to: id } : { id };
      begin = undefined;
      vlans.push({
        ...range,
        ...((flags & PVID) === 0 ? {} : { pvid: true }),
        ...((flags & UNTAGGED) === 0 ? {} : { untagged: true }),
      });
    }),
  );
  return { index: i32(body, 4), vlans };
}
