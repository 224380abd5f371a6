/** The packets that a network needs to have forwarded, as far as their fields are known before they are sent. */
import { lastValue, parseIp, type Cidr } from '@flatnet/addressing';
import { ABSENT, number, subtract, usualOf, word, type Interval, type Numbers, type Value } from './value.ts';

/** Fields by nft's words: `meta iifname`, `ip saddr`, `tcp dport`, `ct state`. A field that is not listed is not known. */
export interface Packet {
  /** In words: "TCP packets to other hosts". */
  readonly name: string;
  readonly family: 4 | 6;
  /** The hook whose base chains it passes. */
  readonly hook: 'forward' | 'input' | 'output';
  readonly fields: ReadonlyMap<string, Value>;
  /** Whether each field has one value: that of an ordinary packet. */
  readonly isUsual: boolean;
}

/** The ordinary one of the packets. */
export const usualPacket = (packet: Packet): Packet => ({
  ...packet,
  isUsual: true,
  fields: new Map([...packet.fields].map(([name, field]) => [name, usualOf(field)])),
});

/** The network whose packets are asked about. */
export interface Network {
  /** The device of the gateway: where packets of the containers come in. */
  readonly bridge: string;
  /** Its subnets; one packet of each kind is asked about per family. None: they are not known, and IPv4 is asked about. */
  readonly subnets: readonly Cidr[];
}

/** Where packets of containers leave the host. */
export interface Uplinks {
  /** The device of the route to the rest of the world; absent where the host has none. */
  readonly usual?: string;
  /** Other devices that lead to other hosts. */
  readonly others: readonly string[];
}

/** An ordinary host of the Internet. Firewalls have rules for the documentation ranges (RFC 5737, RFC 3849), so it is in none of them. */
export const PROBED_HOST = { 4: '93.184.216.34', 6: '2606:2800:220:1:248:1893:25c8:1946' } as const;
/** Stands for the uplink of a host that has no way out yet. */
const NO_NAME = '(uplink)';

export interface Probes {
  /** A container opens a connection to another host, and gets answers. */
  readonly outgoing: readonly Packet[];
  /** Another host opens a connection to a published port, and gets answers. */
  readonly published: readonly Packet[];
}

export function probesOf({ bridge, subnets }: Network, uplinks: Uplinks): Probes {
  const known = ([4, 6] as const).filter((family) => subnets.some(({ ip }) => ip.family === family));
  const families = known.length === 0 ? ([4] as const) : known;
  const each = families.flatMap((family) =>
    (['tcp', 'udp'] as const).map((protocol) => probesFor({ bridge, family, protocol, subnets, uplinks })),
  );
  return {
    outgoing: each.flatMap(({ outgoing }) => outgoing),
    published: each.flatMap(({ published }) => published),
  };
}

/** A server of the host's that containers of a network ask. */
export interface HostServer {
  /** Of the bridge, without prefix lengths. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** A container asks a server of the host. */
export const questionsTo = ({ bridge, subnets }: Network, { addresses, port }: HostServer): readonly Packet[] =>
  addresses.flatMap((address) =>
    (['udp', 'tcp'] as const).map((protocol): Packet => {
      const { family, value } = parseIp(address);
      const ip = family === 4 ? 'ip' : 'ip6';
      const fields: Record<string, Value> = {
        ...commonOf(family, protocol),
        ...{ 'meta iifname': word(bridge), [`${ip} saddr`]: inside(subnets, family), [`${ip} daddr`]: number(value) },
        ...{ [`${protocol} sport`]: between(1024n, 65_535n, 40_000n), [`${protocol} dport`]: number(BigInt(port)) },
        ...{ 'ct state': word('new'), 'ct direction': word('original'), 'tcp flags': flags(['syn']) },
        ...{ 'ct status': flags([], ['dnat']), 'fib daddr type': word('local') },
      };
      const name = `IPv${family} ${protocol.toUpperCase()} packets to port ${port} of ${address}`;
      return { name, family, hook: 'input', isUsual: false, fields: new Map(Object.entries(fields)) };
    }),
  );

interface Wish {
  readonly bridge: string;
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly subnets: readonly Cidr[];
  readonly uplinks: Uplinks;
}

const everything = (family: 4 | 6): Interval => [0n, lastValue(family)];
/** An ordinary container where the subnets are not known. */
const CONTAINER = parseIp('10.88.0.2').value;

const inside = (subnets: readonly Cidr[], family: 4 | 6): Numbers => {
  const own = subnets.filter(({ ip }) => ip.family === family);
  return {
    kind: 'numbers',
    intervals: own.length === 0 ? [everything(family)] : own.map(({ network, last }) => [network.value, last.value]),
    usual: own[0]?.firstUsable.value ?? CONTAINER,
  };
};
const between = (low: bigint, high: bigint, usual: bigint): Numbers => ({
  ...{ kind: 'numbers', intervals: [[low, high]], usual },
});
const outside = (subnets: readonly Cidr[], family: 4 | 6): Numbers => {
  const own = subnets.length === 0 ? [] : inside(subnets, family).intervals;
  const intervals = own.reduce<readonly Interval[]>(subtract, [everything(family)]);
  return { kind: 'numbers', intervals, usual: parseIp(PROBED_HOST[family]).value };
};
const anyOf = (words: readonly string[], usual: string): Value => ({ kind: 'words', words, usual });
export const flags = (certain: readonly string[], more: readonly string[] = []): Value => ({
  ...{ kind: 'flags', certain, possible: [...certain, ...more] },
});

function probesFor({ bridge, family, protocol, subnets, uplinks }: Wish): Probes {
  const version = `IPv${family} ${protocol.toUpperCase()} packets`;
  const names = [...new Set([uplinks.usual, ...uplinks.others].filter((name) => name !== undefined))];
  const uplink = names.length === 0 ? word(NO_NAME) : anyOf(names, names[0] as string);
  const ip = family === 4 ? 'ip' : 'ip6';
  const [container, world] = [inside(subnets, family), outside(subnets, family)];
  const [low, high] = [between(1n, 65_535n, 443n), between(1024n, 65_535n, 40_000n)];
  const out = {
    ...{ 'meta iifname': word(bridge), 'meta oifname': uplink, [`${ip} saddr`]: container, [`${ip} daddr`]: world },
    ...{ [`${protocol} sport`]: high, [`${protocol} dport`]: low },
  };
  const into = {
    ...{ 'meta iifname': uplink, 'meta oifname': word(bridge), [`${ip} saddr`]: world, [`${ip} daddr`]: container },
    ...{ [`${protocol} sport`]: high, [`${protocol} dport`]: low },
  };
  const swapPorts = { [`${protocol} sport`]: low, [`${protocol} dport`]: high };
  const opens = { 'ct state': word('new'), 'ct direction': word('original'), 'tcp flags': flags(['syn']) };
  const answers = {
    ...{ 'ct state': word('established'), 'ct direction': word('reply') },
    'tcp flags': flags(['ack'], ['syn', 'psh', 'fin']),
  };
  const confirmed = ['seen-reply', 'confirmed'];
  const make = (name: string, ...parts: Readonly<Record<string, Value>>[]): Packet => ({
    ...{ name: `${version} ${name}`, family, hook: 'forward', isUsual: false },
    fields: new Map(Object.entries(Object.assign(commonOf(family, protocol), ...parts) as Record<string, Value>)),
  });
  return {
    outgoing: [
      make('to other hosts', out, opens, { 'ct status': flags([]) }),
      make('with the answers of other hosts', into, swapPorts, answers, {
        'ct status': flags(confirmed, ['assured', 'snat']),
      }),
    ],
    published: [
      make('to published ports', into, opens, { 'ct status': flags(['dnat'], ['snat']) }),
      make('with the answers of published ports', out, swapPorts, answers, {
        'ct status': flags(['dnat', ...confirmed], ['assured', 'snat']),
      }),
    ],
  };
}

export type Transport = 'tcp' | 'udp' | 'sctp';

/** What all have, and what a packet of this kind never has. */
export function commonOf(family: 4 | 6, protocol: Transport): Record<string, Value> {
  const [ip, otherIp] = family === 4 ? (['ip', 'ip6'] as const) : (['ip6', 'ip'] as const);
  const others = ['tcp', 'udp', 'sctp'].filter((other) => other !== protocol);
  const gone = ['icmp', 'icmpv6', 'igmp', 'dccp', 'esp', 'ah', 'udplite', 'arp', 'vlan', ...others, otherIp];
  return {
    ...Object.fromEntries(gone.map((header) => [`${header} *`, ABSENT])),
    // No program of this host has a socket for what it only forwards.
    ...{ 'meta skuid': ABSENT, 'meta skgid': ABSENT, 'meta cgroup': ABSENT, 'socket *': ABSENT },
    'meta l4proto': word(protocol),
    'meta nfproto': word(`ipv${family}`),
    'meta protocol': word(ip),
    'meta pkttype': word('host'),
    'meta mark': between(0n, 0xffffffffn, 0n),
    'ct mark': between(0n, 0xffffffffn, 0n),
    'meta length': between(40n, 1500n, 60n),
    [`${ip} length`]: between(0n, 1500n, 60n),
    [`${ip} version`]: number(BigInt(family)),
    [`${ip} ${family === 4 ? 'protocol' : 'nexthdr'}`]: word(protocol),
    [`${ip} ${family === 4 ? 'ttl' : 'hoplimit'}`]: between(2n, 255n, 63n),
    ...(family === 4 ? { 'ip frag-off': number(0n) } : {}),
    'fib daddr type': word('unicast'),
    'fib saddr type': word('unicast'),
  };
}
