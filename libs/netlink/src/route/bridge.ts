import { type Attributes, bool, optional, present, u16, u16be, u32 } from '../reader.ts';
import { attributeU16, attributeU16be, attributeU32, attributeU8, type Writer } from '../writer.ts';

/** Settings of a bridge; an absent one stays as it is, or is not known to this kernel. */
export interface BridgeSettings {
  readonly vlanFiltering?: boolean;
  /** Ethertype of the tags: 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
  readonly vlanProtocol?: number;
  /** VLAN of ports that are added; 0: none. */
  readonly vlanDefaultPvid?: number;
  readonly stp?: boolean;
  /** In hundredths of a second. */
  readonly forwardDelay?: number;
  /** In hundredths of a second. */
  readonly ageingTime?: number;
  readonly mcastSnooping?: boolean;
  /** Whether bridged packets pass iptables, ip6tables and arptables although the host's switch is off. */
  readonly nfCallIptables?: boolean;
  readonly nfCallIp6tables?: boolean;
  readonly nfCallArptables?: boolean;
}

/** IFLA_BR_* of linux/if_link.h */
const FORWARD_DELAY = 1;
const AGEING_TIME = 4;
const STP_STATE = 5;
const VLAN_FILTERING = 7;
const VLAN_PROTOCOL = 8;
const MCAST_SNOOPING = 23;
const NF_CALL_IPTABLES = 36;
const NF_CALL_IP6TABLES = 37;
const NF_CALL_ARPTABLES = 38;
const VLAN_DEFAULT_PVID = 39;

const BYTES = [
  [VLAN_FILTERING, 'vlanFiltering'],
  [MCAST_SNOOPING, 'mcastSnooping'],
  [NF_CALL_IPTABLES, 'nfCallIptables'],
  [NF_CALL_IP6TABLES, 'nfCallIp6tables'],
  [NF_CALL_ARPTABLES, 'nfCallArptables'],
] as const;

export function writeBridge(writer: Writer, settings: BridgeSettings): void {
  const { forwardDelay, ageingTime, stp, vlanProtocol, vlanDefaultPvid } = settings;
  if (forwardDelay !== undefined) attributeU32(writer, FORWARD_DELAY, forwardDelay);
  if (ageingTime !== undefined) attributeU32(writer, AGEING_TIME, ageingTime);
  if (stp !== undefined) attributeU32(writer, STP_STATE, Number(stp));
  if (vlanProtocol !== undefined) attributeU16be(writer, VLAN_PROTOCOL, vlanProtocol);
  for (const [type, field] of BYTES) {
    const value = settings[field];
    if (value !== undefined) attributeU8(writer, type, Number(value));
  }
  if (vlanDefaultPvid !== undefined) attributeU16(writer, VLAN_DEFAULT_PVID, vlanDefaultPvid);
}

/** @throws WireError. */
export const readBridge = (attributes: Attributes): BridgeSettings =>
  present<BridgeSettings>({
    vlanFiltering: optional(attributes, VLAN_FILTERING, bool),
    vlanProtocol: optional(attributes, VLAN_PROTOCOL, u16be),
    vlanDefaultPvid: optional(attributes, VLAN_DEFAULT_PVID, u16),
    stp: optional(attributes, STP_STATE, (bytes) => u32(bytes) !== 0),
    forwardDelay: optional(attributes, FORWARD_DELAY, u32),
    ageingTime: optional(attributes, AGEING_TIME, u32),
    mcastSnooping: optional(attributes, MCAST_SNOOPING, bool),
    nfCallIptables: optional(attributes, NF_CALL_IPTABLES, bool),
    nfCallIp6tables: optional(attributes, NF_CALL_IP6TABLES, bool),
    nfCallArptables: optional(attributes, NF_CALL_ARPTABLES, bool),
  });
