import type { Fact, Inventory } from './fact.ts';

/** Something that the last DEL leaves, on purpose. */
interface Allowance {
  readonly reason: string;
  /** Whether the fact, which is there now or was there before, is one of these. @param bridges names of bridges and of VLAN devices on them. */
  isMeant(fact: Fact, bridges: ReadonlySet<string>): boolean;
}

const isSetting = (fact: Fact, name: RegExp): boolean => fact.kind === 'sysctl' && name.test(fact.name ?? '');
const isFile = (fact: Fact, name: RegExp): boolean => fact.kind === 'file' && name.test(fact.name ?? '');
/** The skeleton of a pool, without leases (ip, at) and work (tmp). */
const POOL = /\/(sticky(\/[^/]+)?|b-[^/]+(\/(ip|at|tmp|freed(\/[^/]+)?|reclaimed|segment|cur\.[^/]+))?)$/;
const OF_THE_REFERENCE = [
  /^(table ip6? (filter|nat)|chain ip6? (filter|nat) ([A-Z]+|CNI-[A-Z0-9-]+)) /,
  /^rule ip6? (filter|nat) CNI-[A-Z0-9-]+ /,
  /^rule ip6? (filter|nat) [A-Z]+ .*"jump":\{"target":"CNI-[A-Z0-9-]+"\}/,
];
const OF_THE_BRIDGE: readonly Fact['kind'][] = ['link', 'address', 'route', 'vlan', 'fdb', 'sysctl'];

/** All that may stay after the last DEL. Whatever is not named here is a leak. */
export const MAY_STAY: readonly Allowance[] = [
  {
    reason:
      'a bridge belongs to the network: containers that come later use it. Its addresses, routes and settings go with it',
    // route_localnet is safe only beside the rules that keep 127.0.0.0/8 apart, and these go with the last published port.
    isMeant: (fact, bridges) =>
      bridges.has(fact.dev ?? '') && OF_THE_BRIDGE.includes(fact.kind) && !isSetting(fact, /\/route_localnet$/),
  },
  {
    reason: 'the host forwards IPv4 for every network; the kernel copies the switch to each link',
    isMeant: (fact) => isSetting(fact, /^ipv4\/(ip_forward|conf\/[^/]+\/forwarding)$/),
  },
  {
    reason: 'the kernel changes these by itself when forwarding is switched on: a router follows no redirects',
    isMeant: (fact) => isSetting(fact, /^ipv4\/conf\/[^/]+\/accept_redirects$/),
  },
  {
    reason: 'the host forwards IPv6 for every network; the kernel copies the switch to each link',
    isMeant: (fact) => isSetting(fact, /^ipv6\/conf\/[^/]+\/(forwarding|force_forwarding)$/),
  },
  {
    reason: 'a host that forwards goes on learning its own default route from router advertisements',
    isMeant: (fact) => isSetting(fact, /^ipv6\/conf\/[^/]+\/accept_ra$/),
  },
  {
    reason: 'the kernel makes these when it loads the module that a rule needs',
    isMeant: (fact) => isSetting(fact, /^(netfilter\/nf_(conntrack|flowtable|log)|nf_conntrack_max$|bridge\/)/),
  },
  {
    reason: 'the kernel makes up a key for the first program that listens with TCP Fast Open, as dnsmasq does',
    isMeant: (fact) => isSetting(fact, /^ipv4\/tcp_fastopen_key$/),
  },
  {
    reason: 'the log of all calls',
    isMeant: (fact) => isFile(fact, /^\/run\/flatnet(\/flatnet\.log(\.1)?)?$/),
  },
  {
    reason: "the driver's lock, and the names by which it runs the plugins of its own image",
    isMeant: (fact) => isFile(fact, /^\/run\/flatnet\/netavark(\/lock|\/bin(\/[a-z-]+)?)?$/),
  },
  {
    reason:
      'the pool of a network: the next container gets the next address, a name its old one (stickyBy), and none one that rests (cooldown)',
    isMeant: (fact) => isFile(fact, /^\/run\/cni(\/flatnet(\/[^/]+)?)?$/) || isFile(fact, POOL),
  },
  {
    reason: "libcni's cache and host-local's folders, its lock and its last address are theirs",
    isMeant: (fact) =>
      isFile(fact, /^\/var\/lib\/cni(\/results)?$/) ||
      isFile(fact, /\/(networks|leases)(\/[^/]+(\/(lock|last_reserved_ip\.\d+))?)?$/),
  },
  {
    reason: 'the reference plugins keep the chains of iptables that they made, and iptables its tables',
    isMeant: (fact) => fact.kind === 'nft' && OF_THE_REFERENCE.some((words) => words.test(fact.text)),
  },
  {
    reason: 'a flatnetctl that was killed leaves the lock of its attachment, which the next one breaks',
    isMeant: (fact) => isFile(fact, /^\/var\/lib\/cni\/flatnetctl\.[0-9a-f]+\.lock/),
  },
];

/** Bridges and the VLAN devices on them. */
export const bridgesIn = (...inventories: readonly Inventory[]): ReadonlySet<string> =>
  new Set(
    inventories
      .flatMap((inventory) => [...inventory.values()])
      .filter(({ linkKind }) => linkKind === 'bridge' || linkKind === 'vlan')
      .map(({ dev = '' }) => dev),
  );
