/** How values of a type are written in JSON, and which bytes they are. */
import { ipText, macText } from '../../text.ts';
import type { TypeName } from '../datatype.ts';
import * as v from '../value.ts';
import { type Json, UnsupportedJson } from './json.ts';

export interface Kind {
  /** In bytes. */
  readonly size: number;
  parse(value: Json): Uint8Array;
  print(bytes: Uint8Array): Json;
  /** A set of this type of key can be made. */
  readonly type?: TypeName;
  /** Each symbol is a bit, and a list of them means all together. */
  readonly isBits?: true;
}

const text = (
  size: number,
  type: TypeName,
  parse: (text: string) => Uint8Array,
  print: (bytes: Uint8Array) => string,
): Kind => ({
  size,
  type,
  parse(value) {
    const bytes = typeof value === 'string' ? parse(value) : undefined;
    if (bytes?.length !== size) throw new UnsupportedJson(`not a value of type ${type}`, value);
    return bytes;
  },
  print,
});

interface Layout {
  readonly size: number;
  encode(value: number): Uint8Array;
  decode(bytes: Uint8Array): number;
}
const byte: Layout = { size: 1, encode: v.byte, decode: (bytes) => bytes[0] ?? 0 };
const be16: Layout = { size: 2, encode: v.be16, decode: (bytes) => ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0) };
const native32: Layout = { size: 4, encode: v.native32, decode: v.native32Value };

/** Numbers, some of which have names. */
function symbols(layout: Layout, names: Readonly<Record<string, number>>, type?: TypeName): Kind {
  const number = (value: Json): number => {
    const found = typeof value === 'string' ? (names[value] ?? Number(value)) : value;
    if (typeof found !== 'number' || !Number.isInteger(found) || found < 0 || found >= 2 ** (8 * layout.size)) {
      throw new UnsupportedJson('not a number of this type, or a name of one', value);
    }
    return found;
  };
  return {
    size: layout.size,
    ...(type === undefined ? {} : { type }),
    parse: (value) => layout.encode(number(value)),
    print(bytes) {
      const value = layout.decode(bytes);
      return Object.keys(names).find((name) => names[name] === value) ?? value;
    },
  };
}

/** Bits with names. JSON has one, a list, or `{ "|": list }`; the list of nft has the order of the bits. */
function bits(layout: Layout, names: Readonly<Record<string, number>>): Kind {
  const single = symbols(layout, names);
  const listed = (value: Json): readonly Json[] => {
    if (Array.isArray(value)) return value as readonly Json[];
    const either = typeof value === 'object' && value !== null ? (value as { '|'?: Json })['|'] : undefined;
    return Array.isArray(either) ? (either as readonly Json[]) : [value];
  };
  return {
    size: layout.size,
    isBits: true,
    parse: (value) =>
      layout.encode(listed(value).reduce((sum: number, each) => sum | layout.decode(single.parse(each)), 0)),
    print(bytes) {
      const value = layout.decode(bytes);
      const set = Object.keys(names).filter((name) => ((names[name] ?? 0) & value) !== 0);
      const known = set.reduce((sum, name) => sum | (names[name] ?? 0), 0);
      if (known !== value || set.length === 0) return value;
      return set.length === 1 ? (set[0] as string) : set;
    },
  };
}

/** linux/in.h, in the names that nft prints. */
const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, dccp: 33, esp: 50, ah: 51, 'ipv6-icmp': 58, sctp: 132, udplite: 136 };
/** linux/icmp.h, linux/icmpv6.h */
const ICMP = { 'echo-reply': 0, 'destination-unreachable': 3, redirect: 5, 'echo-request': 8, 'time-exceeded': 11 };
const ICMPV6 = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'mld2-listener-report': 143,
};

export const KINDS = {
  ipv4_addr: text(4, 'ipv4_addr', v.ip, ipText),
  ipv6_addr: text(16, 'ipv6_addr', v.ip, ipText),
  ether_addr: text(6, 'ether_addr', v.mac, macText),
  ifname: text(16, 'ifname', (name) => (name.endsWith('*') ? new Uint8Array() : v.ifname(name)), v.ifnameText),
  ether_type: symbols(be16, { ip: 0x800, arp: 0x806, vlan: 0x8100, ip6: 0x86dd }, 'ether_type'),
  inet_proto: symbols(byte, PROTOCOLS, 'inet_proto'),
  inet_service: symbols(be16, {}, 'inet_service'),
  icmp_type: symbols(byte, ICMP, 'icmp_type'),
  icmpv6_type: symbols(byte, ICMPV6, 'icmpv6_type'),
  mark: symbols(native32, {}, 'mark'),
  iface_index: symbols(native32, {}, 'iface_index'),
  nfproto: symbols(byte, { ipv4: 2, ipv6: 10 }),
  fib_addrtype: symbols(native32, { unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5, blackhole: 6 }),
  /** enum ip_conntrack_dir of linux/netfilter/nf_conntrack_tuple_common.h */
  ct_dir: symbols(byte, { original: 0, reply: 1 }),
  arp_op: symbols(be16, { request: 1, reply: 2 }),
  tcp_flag: bits(byte, { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 }),
  ct_state: bits(native32, { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 }),
  ct_status: bits(native32, { expected: 1, 'seen-reply': 2, assured: 4, confirmed: 8, snat: 16, dnat: 32, dying: 512 }),
} as const satisfies Readonly<Record<string, Kind>>;

/** @throws UnsupportedJson for a type that is not in the table. */
export function kindOf(type: string): Kind {
  const kind = (KINDS as Readonly<Record<string, Kind>>)[type];
  if (kind === undefined) throw new UnsupportedJson('a type that is not supported', type);
  return kind;
}
