import { type Attributes, bool, optional, present, u16, u32, u8 } from '../reader.ts';
import { attributeU16, attributeU32, attributeU8, type Writer } from '../writer.ts';

/** BR_STATE_* of linux/if_bridge.h, by their place. */
export const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;
export type PortState = (typeof PORT_STATES)[number];

/** Settings of a bridge's port; an absent one stays as it is, or is not known to this kernel. */
export interface PortSettings {
  /** A packet may leave by the port by which it came. */
  readonly hairpin?: boolean;
  /** No packet goes to another isolated port. */
  readonly isolated?: boolean;
  readonly learning?: boolean;
  /** Packets to unknown addresses are sent here. */
  readonly flood?: boolean;
  readonly mcastFlood?: boolean;
  readonly bcastFlood?: boolean;
  /** Drops spanning-tree packets. */
  readonly guard?: boolean;
  readonly fastLeave?: boolean;
  readonly neighSuppress?: boolean;
  readonly proxyArp?: boolean;
  readonly state?: PortState;
  readonly priority?: number;
  readonly cost?: number;
}

/** IFLA_BRPORT_* of linux/if_link.h */
const STATE = 1;
const PRIORITY = 2;
const COST = 3;

const BYTES = [
  [4, 'hairpin'],
  [5, 'guard'],
  [7, 'fastLeave'],
  [8, 'learning'],
  [9, 'flood'],
  [10, 'proxyArp'],
  [27, 'mcastFlood'],
  [30, 'bcastFlood'],
  [32, 'neighSuppress'],
  [33, 'isolated'],
] as const;

export function writePort(writer: Writer, settings: PortSettings): void {
  const { state, priority, cost } = settings;
  if (state !== undefined) attributeU8(writer, STATE, PORT_STATES.indexOf(state));
  if (priority !== undefined) attributeU16(writer, PRIORITY, priority);
  if (cost !== undefined) attributeU32(writer, COST, cost);
  for (const [type, field] of BYTES) {
    const value = settings[field];
    if (value !== undefined) attributeU8(writer, type, Number(value));
  }
}

/** @throws WireError. */
export const readPort = (attributes: Attributes): PortSettings =>
  present<PortSettings>({
    ...(Object.fromEntries(BYTES.map(([type, field]) => [field, optional(attributes, type, bool)])) as Record<
      (typeof BYTES)[number][1],
      boolean | undefined
    >),
    state: optional(attributes, STATE, (bytes) => PORT_STATES[u8(bytes)]),
    priority: optional(attributes, PRIORITY, u16),
    cost: optional(attributes, COST, u32),
  });
