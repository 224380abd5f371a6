/** Messages that make links. */
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from '../message.ts';
import { macBytes } from '../text.ts';
import {
  attribute,
  attributeChars,
  attributeText,
  attributeU16,
  attributeU16be,
  attributeU32,
  nested,
  type Writer,
} from '../writer.ts';
import { type BridgeSettings, writeBridge } from './bridge.ts';
import * as c from './constants.ts';
import { checkedName, linkHeader } from './link-header.ts';
import type { LinkSettings } from './link.ts';
import { type VxlanSettings, writeVxlan } from './vxlan.ts';

interface Named extends LinkSettings {
  readonly name: string;
  /** The index that it gets; the kernel chooses when absent, and refuses (EBUSY) one that is taken. */
  readonly index?: number;
}

/** A link to make, with what its kind needs. */
export type NewLink = Named &
  (
    | { readonly kind: 'bridge'; readonly bridge?: BridgeSettings }
    /**
     * `peer.netns` puts the other end into another namespace at once, where it never had another name. It cannot be up before both ends
     * exist, so that takes a message of its own.
     */
    | { readonly kind: 'veth'; readonly peer: Omit<Named, 'up'> }
    | {
        readonly kind: 'vlan';
        readonly parentIndex: number;
        readonly vlan: { readonly id: number; readonly protocol?: number };
      }
    | { readonly kind: 'vxlan'; readonly vxlan: VxlanSettings & { readonly id: number } }
    | { readonly kind: 'ifb' | 'dummy' }
  );

/**
 * Makes a link, up and in its master where that is said. The kernel takes no alias, port setting or alternative name here: `setLink`,
 * `setPort` and `addAltName` go with it in one batch.
 *
 * NetlinkError EEXIST: the name is taken. EOPNOTSUPP: the kernel lacks the kind. ENODEV: no such master or parent.
 */
export const newLink = (link: NewLink): Message => ({
  name: 'RTM_NEWLINK',
  type: c.RTM_NEWLINK,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  write(writer) {
    linkHeader(writer, { index: link.index ?? 0 }, link);
    if (link.kind === 'vlan') attributeU32(writer, c.IFLA_LINK, link.parentIndex);
    linkAttributes(writer, link);
    attributeText(writer, c.IFLA_IFNAME, checkedName(link.name));
    nested(writer, c.IFLA_LINKINFO, (info) => {
      attributeChars(info, c.IFLA_INFO_KIND, link.kind);
      const isBare =
        link.kind === 'ifb' || link.kind === 'dummy' || (link.kind === 'bridge' && link.bridge === undefined);
      if (!isBare) nested(info, c.IFLA_INFO_DATA, (data) => writeData(data, link));
    });
  },
});

/**
 * Asks for a link in a shape that the kernel refuses, so that none is made. NetlinkError EOPNOTSUPP: it lacks the kind; EINVAL: it has it.
 */
export const probeLinkKind = (kind: string): Message => ({
  name: 'RTM_NEWLINK',
  type: c.RTM_NEWLINK,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  write(writer) {
    linkHeader(writer, { index: 0 });
    // No link has no queues.
    attributeU32(writer, c.IFLA_NUM_TX_QUEUES, 0);
    nested(writer, c.IFLA_LINKINFO, (info) => attributeChars(info, c.IFLA_INFO_KIND, kind));
  },
});

function writeData(writer: Writer, link: NewLink): void {
  if (link.kind === 'bridge') writeBridge(writer, link.bridge ?? {});
  if (link.kind === 'vxlan') writeVxlan(writer, link.vxlan);
  if (link.kind === 'vlan') {
    attributeU16(writer, c.IFLA_VLAN_ID, link.vlan.id);
    if (link.vlan.protocol !== undefined) attributeU16be(writer, c.IFLA_VLAN_PROTOCOL, link.vlan.protocol);
  }
  if (link.kind === 'veth') {
    const { peer } = link;
    nested(writer, c.VETH_INFO_PEER, () => {
      linkHeader(writer, { index: peer.index ?? 0 }, peer);
      linkAttributes(writer, peer);
      attributeText(writer, c.IFLA_IFNAME, checkedName(peer.name));
    });
  }
}

/** What can be said of any link, but for its name. */
export function linkAttributes(writer: Writer, settings: LinkSettings): void {
  const { mac, mtu, txQueueLength, group, masterIndex, netns } = settings;
  if (mtu !== undefined) attributeU32(writer, c.IFLA_MTU, mtu);
  if (mac !== undefined) attribute(writer, c.IFLA_ADDRESS, macBytes(mac));
  if (txQueueLength !== undefined) attributeU32(writer, c.IFLA_TXQLEN, txQueueLength);
  if (group !== undefined) attributeU32(writer, c.IFLA_GROUP, group);
  if (masterIndex !== undefined) attributeU32(writer, c.IFLA_MASTER, masterIndex);
  if (netns !== undefined) attributeU32(writer, c.IFLA_NET_NS_FD, netns);
}
