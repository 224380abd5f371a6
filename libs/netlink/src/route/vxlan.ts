import { address, type Attributes, bool, optional, present, u16be, u32 } from '../reader.ts';
import { ipBytes } from '../text.ts';
import { attribute, attributeU16be, attributeU32, attributeU8, type Writer } from '../writer.ts';

/** A VXLAN device. */
export interface VxlanSettings {
  /** Network identifier, 24 bits. */
  readonly id?: number;
  /** The other end, or a multicast group. */
  readonly remote?: string;
  /** Address that its packets come from. */
  readonly local?: string;
  /** Index of the link that its packets leave by. */
  readonly linkIndex?: number;
  /** UDP port of the other end; the kernel's default is 8472, the standard's 4789. */
  readonly port?: number;
  readonly learning?: boolean;
}

/** IFLA_VXLAN_* of linux/if_link.h */
const ID = 1;
const GROUP = 2;
const LINK = 3;
const LOCAL = 4;
const LEARNING = 7;
const PORT = 15;
const GROUP6 = 16;
const LOCAL6 = 17;

export function writeVxlan(writer: Writer, settings: VxlanSettings): void {
  const { id, remote, local, linkIndex, port, learning } = settings;
  if (id !== undefined) attributeU32(writer, ID, id);
  if (remote !== undefined) writeAddress(writer, GROUP, GROUP6, remote);
  if (local !== undefined) writeAddress(writer, LOCAL, LOCAL6, local);
  if (linkIndex !== undefined) attributeU32(writer, LINK, linkIndex);
  if (learning !== undefined) attributeU8(writer, LEARNING, Number(learning));
  if (port !== undefined) attributeU16be(writer, PORT, port);
}

function writeAddress(writer: Writer, v4: number, v6: number, text: string): void {
  const bytes = ipBytes(text);
  attribute(writer, bytes.length === 4 ? v4 : v6, bytes);
}

/** @throws WireError. */
export const readVxlan = (attributes: Attributes): VxlanSettings =>
  present<VxlanSettings>({
    id: optional(attributes, ID, u32),
    remote: optional(attributes, GROUP, address) ?? optional(attributes, GROUP6, address),
    local: optional(attributes, LOCAL, address) ?? optional(attributes, LOCAL6, address),
    linkIndex: optional(attributes, LINK, u32),
    port: optional(attributes, PORT, u16be),
    learning: optional(attributes, LEARNING, bool),
  });
