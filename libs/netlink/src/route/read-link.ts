/** Questions for links. */
import type { Query } from '../message.ts';
import {
  type Attributes,
  forEachAttribute,
  i32,
  nestedAttributes,
  optional,
  present,
  readAttributes,
  required,
  text,
  u16,
  u16be,
  u32,
  u8,
} from '../reader.ts';
import { macText } from '../text.ts';
import { attributeText, attributeU32, nested, type Writer } from '../writer.ts';
import { readBridge } from './bridge.ts';
import * as c from './constants.ts';
import { AF_INET6 } from './family.ts';
import { linkHeader, linkName } from './link-header.ts';
import { ADDR_GEN_MODES, type Link, type LinkRef, OPER_STATES } from './link.ts';
import { readPort } from './port.ts';
import { readVxlan } from './vxlan.ts';

/** One link. `get` throws NetlinkError ENODEV where there is none. */
export const getLink = (ref: LinkRef): Query<Link> => ({
  name: 'RTM_GETLINK',
  type: c.RTM_GETLINK,
  flags: 0,
  write(writer) {
    linkHeader(writer, ref);
    linkName(writer, ref);
    writeMask(writer);
  },
  decode: decodeLink,
});

/** All links, or the ports of one master. For `dump`; kernels before 4.20 list all. */
export const listLinks = (filter: { readonly masterIndex?: number; readonly kind?: string } = {}): Query<Link> => ({
  name: 'RTM_GETLINK',
  type: c.RTM_GETLINK,
  flags: 0,
  write(writer) {
    linkHeader(writer, { index: 0 });
    const { masterIndex, kind } = filter;
    if (masterIndex !== undefined) attributeU32(writer, c.IFLA_MASTER, masterIndex);
    if (kind !== undefined)
      nested(writer, c.IFLA_LINKINFO | c.NESTED, (info) => attributeText(info, c.IFLA_INFO_KIND, kind));
    writeMask(writer);
  },
  decode(body, type) {
    const link = decodeLink(body, type);
    if (filter.masterIndex !== undefined && link?.masterIndex !== filter.masterIndex) return undefined;
    return filter.kind !== undefined && link?.kind !== filter.kind ? undefined : link;
  },
});

/** Statistics are two thirds of the answer, and used by nothing here. */
const writeMask = (writer: Writer): void => attributeU32(writer, c.IFLA_EXT_MASK, c.RTEXT_FILTER_SKIP_STATS);

const HEADER = 16;

/** @throws WireError. */
export function decodeLink(body: Uint8Array, type: number): Link | undefined {
  if (type !== c.RTM_NEWLINK) return undefined;
  const flags = u32(body, 8);
  const attributes = readAttributes(body, HEADER);
  return present<Link>({
    index: i32(body, 4),
    name: required(attributes, c.IFLA_IFNAME, text),
    altNames: altNamesOf(attributes),
    alias: optional(attributes, c.IFLA_IFALIAS, text),
    mac: optional(attributes, c.IFLA_ADDRESS, macText) || undefined,
    mtu: optional(attributes, c.IFLA_MTU, u32) ?? 0,
    flags,
    up: (flags & c.IFF_UP) !== 0,
    carrier: optional(attributes, c.IFLA_CARRIER, u8) === 1,
    operState: OPER_STATES[optional(attributes, c.IFLA_OPERSTATE, u8) ?? 0] ?? 'unknown',
    masterIndex: optional(attributes, c.IFLA_MASTER, u32),
    parentIndex: optional(attributes, c.IFLA_LINK, u32),
    parentNetnsId: optional(attributes, c.IFLA_LINK_NETNSID, i32),
    promiscuity: optional(attributes, c.IFLA_PROMISCUITY, u32) ?? 0,
    txQueueLength: optional(attributes, c.IFLA_TXQLEN, u32) ?? 0,
    group: optional(attributes, c.IFLA_GROUP, u32) ?? 0,
    addrGenMode: addrGenModeOf(attributes),
    ...infoOf(nestedAttributes(attributes, c.IFLA_LINKINFO)),
  });
}

function altNamesOf(attributes: Attributes): readonly string[] {
  const names: string[] = [];
  const list = attributes.get(c.IFLA_PROP_LIST);
  if (list !== undefined) {
    forEachAttribute(list, (type, payload) => void (type === c.IFLA_ALT_IFNAME && names.push(text(payload))));
  }
  return names;
}

function addrGenModeOf(attributes: Attributes): Link['addrGenMode'] {
  const inet6 = nestedAttributes(nestedAttributes(attributes, c.IFLA_AF_SPEC), AF_INET6);
  const mode = optional(inet6, c.IFLA_INET6_ADDR_GEN_MODE, u8);
  return mode === undefined ? undefined : ADDR_GEN_MODES[mode];
}

type Info = { [K in 'kind' | 'bridge' | 'port' | 'vlan' | 'vxlan']: Link[K] | undefined };

function infoOf(info: Attributes): Info {
  const kind = optional(info, c.IFLA_INFO_KIND, text);
  const data = nestedAttributes(info, c.IFLA_INFO_DATA);
  const isBridgePort = optional(info, c.IFLA_INFO_SLAVE_KIND, text) === 'bridge';
  return {
    kind,
    bridge: kind === 'bridge' ? readBridge(data) : undefined,
    port: isBridgePort ? readPort(nestedAttributes(info, c.IFLA_INFO_SLAVE_DATA)) : undefined,
    vlan: kind === 'vlan' ? readVlan(data) : undefined,
    vxlan: kind === 'vxlan' ? readVxlan(data) : undefined,
  };
}

const readVlan = (data: Attributes): NonNullable<Link['vlan']> => ({
  id: required(data, c.IFLA_VLAN_ID, u16),
  protocol: optional(data, c.IFLA_VLAN_PROTOCOL, u16be) ?? 0,
});
