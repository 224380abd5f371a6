/** What links have received and sent. */
import type { Query } from '../message.ts';
import { i32, optional, readAttributes, text } from '../reader.ts';
import { LITTLE_ENDIAN } from '../writer.ts';
import * as c from './constants.ts';
import { linkHeader } from './link-header.ts';

/** `struct rtnl_link_stats64` of linux/if_link.h, as far as it is used. Since the link was made. */
export interface LinkCounters {
  readonly index: number;
  readonly name: string;
  readonly alias?: string;
  readonly received: Counters;
  readonly sent: Counters;
}

export interface Counters {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}

const HEADER = 16;
/** rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped: 64 bits each. */
const LEAST = 64;

/** The counters of all links. For `dump`. */
export const listLinkCounters = (): Query<LinkCounters> => ({
  name: 'RTM_GETLINK',
  type: c.RTM_GETLINK,
  flags: 0,
  write: (writer) => linkHeader(writer, { index: 0 }),
  decode(body, type) {
    if (type !== c.RTM_NEWLINK) return undefined;
    const attributes = readAttributes(body, HEADER);
    const bytes = attributes.get(c.IFLA_STATS64);
    if (bytes === undefined || bytes.length < LEAST) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const at = (field: number): number => Number(view.getBigUint64(8 * field, LITTLE_ENDIAN));
    const alias = optional(attributes, c.IFLA_IFALIAS, text);
    return {
      ...{ index: i32(body, 4), name: optional(attributes, c.IFLA_IFNAME, text) ?? '' },
      ...(alias === undefined ? {} : { alias }),
      received: { packets: at(0), bytes: at(2), dropped: at(6) },
      sent: { packets: at(1), bytes: at(3), dropped: at(7) },
    };
  },
});
