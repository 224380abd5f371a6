/** The links, addresses, routes and rules of the fake kernel: namespaces by path ('' is the host), and what changes do to them. */
import type { Address } from '@flatnet/netlink/route/address';
import type { Change, RouteSpec, SourceRule, VethSpec } from './rtnetlink/change.ts';
import { wordsOf } from './rtnetlink/change.ts';
import { RtnetlinkError } from './rtnetlink/error.ts';
import type { Link, Route, Rtnetlink } from './rtnetlink/rtnetlink.ts';

export interface FakeLink {
  name: string;
  kind: string;
  mac: string;
  mtu: number;
  up: boolean;
  alias?: string;
  group: number;
  master?: string;
  hairpin?: boolean;
  isolated?: boolean;
  /** Settings of a bridge. */
  bridge?: NonNullable<Link['bridge']>;
  readonly alternativeNames: string[];
  readonly addresses: string[];
  /** The other end of a veth. */
  peer?: { readonly netns: string; readonly name: string };
}

/** One call of the kernel, in words. */
export interface FakeCall {
  readonly words: string;
  /** Of a call that changes links, addresses, routes or rules. */
  readonly change?: Change;
  readonly netns?: string;
}

const KINDS = { EEXIST: 'exists', ENODEV: 'not-found', EADDRNOTAVAIL: 'not-found', EOPNOTSUPP: 'failed' } as const;

/** What the kernel says. */
class Refusal extends Error {
  constructor(readonly code: keyof typeof KINDS) {
    super(code);
  }
}

const refuse = (code: keyof typeof KINDS): never => {
  throw new Refusal(code);
};

/** A refusal of a test's names no place: it is that of the change that was tried. */
function refusalAt(error: unknown, doing: string, at: number): unknown {
  if (error instanceof Refusal) return new RtnetlinkError(KINDS[error.code], doing, error.code, at, error.code);
  if (!(error instanceof RtnetlinkError)) return error;
  return new RtnetlinkError(error.kind, error.doing, error.reason, at, error.code);
}

export class FakeRtnetlink implements Rtnetlink {
  readonly #spaces = new Map<string, Map<string, FakeLink>>([['', new Map()]]);
  readonly #routes: { readonly netns: string; readonly route: RouteSpec }[] = [];
  readonly rules: SourceRule[] = [];
  /** The device by which everything outside is reached. */
  uplink: string | undefined;

  /** @param onCall is told of each call before it takes effect, and may throw in the kernel's place. */
  constructor(readonly onCall: (call: FakeCall) => void = () => undefined) {}

  change(doing: string, changes: readonly Change[], netns = ''): void {
    for (const [at, change] of changes.entries()) {
      try {
        this.onCall({ words: wordsOf(change), change, ...(netns === '' ? {} : { netns }) });
        this.apply(change, netns);
      } catch (error) {
        throw refusalAt(error, `${doing} (${wordsOf(change)})`, at);
      }
    }
  }

  findLink(name: string, netns = ''): Link | undefined {
    this.#ask(`look at link ${name}`, netns);
    const link = this.find(netns, name);
    return link === undefined ? undefined : described(link);
  }

  listLinks(filter: { readonly kind?: string; readonly master?: string } = {}, netns = ''): readonly Link[] {
    this.#ask('list links', netns);
    return [...this.in(netns).values()]
      .filter(({ kind, master }) => (filter.kind ?? kind) === kind && (filter.master ?? master) === master)
      .map(described);
  }

  listAddresses(name: string, netns = ''): readonly Address[] {
    this.#ask(`list the addresses of ${name}`, netns);
    const link = this.find(netns, name);
    if (link !== undefined) return link.addresses.map(addressOf);
    throw new RtnetlinkError('not-found', `list the addresses of ${name}`, 'ENODEV', 0, 'ENODEV');
  }

  listRoutes(
    { family, table = 254, destination }: Parameters<Rtnetlink['listRoutes']>[0],
    netns = '',
  ): readonly Route[] {
    this.#ask(`list IPv${family} routes`, netns);
    return this.#routes
      .filter((listed) => listed.netns === netns && listed.route.family === family)
      .map(({ route }) => route)
      .filter((route) => (route.table ?? 254) === table && (destination ?? route.dst) === route.dst)
      .map(({ dst, dev, gateway, priority }) => ({
        ...{ destination: dst, type: 'unicast', device: dev },
        ...(gateway === undefined ? {} : { gateway }),
        ...(priority === undefined ? {} : { metric: priority }),
      }));
  }

  findDeviceTo(address: string): string | undefined {
    this.#ask(`look for the way to ${address}`);
    return this.uplink;
  }

  clearTables(tables: readonly number[], netns: string): void {
    this.#ask(`clear the tables ${tables.join(', ')}`, netns);
    const kept = this.rules.filter((rule) => !tables.includes(rule.table));
    this.rules.splice(0, this.rules.length, ...kept);
    const left = this.#routes.filter((each) => each.netns !== netns || !tables.includes(each.route.table ?? 254));
    this.#routes.splice(0, this.#routes.length, ...left);
  }

  #ask(words: string, netns = ''): void {
    this.onCall({ words, ...(netns === '' ? {} : { netns }) });
  }

  /** The routes of all namespaces. */
  get routes(): readonly RouteSpec[] {
    return this.#routes.map(({ route }) => route);
  }

  deleteRoutes(): void {
    this.#routes.length = 0;
  }

  in(netns: string): Map<string, FakeLink> {
    const space = this.#spaces.get(netns) ?? new Map<string, FakeLink>();
    this.#spaces.set(netns, space);
    return space;
  }

  find(netns: string, name: string): FakeLink | undefined {
    return [...this.in(netns).values()].find((link) => link.name === name || link.alternativeNames.includes(name));
  }

  add(netns: string, name: string, kind: string, more: Partial<FakeLink> = {}): FakeLink {
    if (this.find(netns, name) !== undefined) refuse('EEXIST');
    const link: FakeLink = {
      ...{ name, kind, mac: '02:00:00:00:00:00', mtu: 1500, up: false, group: 0, alternativeNames: [], addresses: [] },
      ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)),
    };
    this.in(netns).set(name, link);
    return link;
  }

  delete(netns: string, name: string): void {
    const link = this.find(netns, name) ?? refuse('ENODEV');
    this.in(netns).delete(link.name);
    if (link.peer !== undefined) this.in(link.peer.netns).delete(link.peer.name);
  }

  /** One change, without asking `onCall`. */
  apply(change: Change, netns = ''): void {
    switch (change.do) {
      case 'create-veth':
        return this.#createVeth(netns, change);
      case 'create-bridge':
        return void this.add(netns, change.name, 'bridge', change);
      case 'create-vlan':
        return void this.add(netns, change.name, 'vlan');
      case 'add-alternative-name':
        return void this.#get(netns, change.name).alternativeNames.push(change.alternative);
      case 'set-link':
        return this.#setLink(netns, change);
      case 'set-port':
        return this.#setPort(netns, change);
      case 'set-bridge':
        return this.#setBridge(netns, change);
      case 'add-proxy':
      case 'delete-proxy':
      case 'add-vlans':
      case 'delete-vlans':
        return refuse('EOPNOTSUPP');
      case 'delete-link':
        return this.delete(netns, change.name);
      case 'add-address':
      case 'delete-address':
        return this.#changeAddress(netns, change);
      case 'append-route':
        return void this.#routes.push({ netns, route: change.route });
      case 'add-rule':
        return void this.rules.push(change.rule);
    }
  }

  #get(netns: string, name: string): FakeLink {
    return this.find(netns, name) ?? refuse('ENODEV');
  }

  #setBridge(netns: string, { name, settings }: Extract<Change, { do: 'set-bridge' }>): void {
    if (settings.vlanFiltering !== undefined) refuse('EOPNOTSUPP');
    const link = this.#get(netns, name);
    link.bridge = { ...link.bridge, ...settings };
  }

  #createVeth(
    netns: string,
    { host, container, hostMac, containerMac, mtu = 1500, group = 0, ...spec }: VethSpec,
  ): void {
    if (this.find(netns, host) !== undefined) refuse('EEXIST');
    this.add(spec.netns, container, 'veth', { mac: containerMac, mtu, peer: { netns, name: host } });
    this.add(netns, host, 'veth', { mac: hostMac, mtu, group, peer: { netns: spec.netns, name: container } });
  }

  #setLink(netns: string, { name, change }: Extract<Change, { do: 'set-link' }>): void {
    const link = this.#get(netns, name);
    const { mac, alias, master, group, up } = change;
    if (master !== undefined) link.master = this.#get(netns, master).name;
    if (mac !== undefined) link.mac = mac;
    if (alias !== undefined) link.alias = alias;
    if (group !== undefined) link.group = group;
    if (up === true) link.up = true;
  }

  #setPort(netns: string, { name, settings }: Extract<Change, { do: 'set-port' }>): void {
    const link = this.#get(netns, name);
    if (this.find(netns, link.master ?? '')?.kind !== 'bridge') refuse('EOPNOTSUPP');
    const { hairpin, isolated } = settings;
    Object.assign(link, {
      ...(hairpin === undefined ? {} : { hairpin }),
      ...(isolated === undefined ? {} : { isolated }),
    });
  }

  #changeAddress(netns: string, change: Extract<Change, { address: string }>): void {
    const { addresses } = this.#get(netns, change.name);
    const at = addresses.indexOf(change.address);
    if (change.do === 'add-address') {
      if (at >= 0) refuse('EEXIST');
      addresses.push(change.address);
    } else if (at >= 0) addresses.splice(at, 1);
    else refuse('EADDRNOTAVAIL');
  }
}

const described = (link: FakeLink): Link => ({
  ...{ index: 1, name: link.name, altNames: link.alternativeNames, kind: link.kind, mac: link.mac, mtu: link.mtu },
  ...{ up: link.up, flags: 0, carrier: link.up, operState: 'up', promiscuity: 0, txQueueLength: 0, group: link.group },
  ...(link.alias === undefined ? {} : { alias: link.alias }),
  ...(link.bridge === undefined ? {} : { bridge: link.bridge }),
  ...(link.master === undefined
    ? {}
    : {
        master: link.master,
        port: {
          ...(link.hairpin === undefined ? {} : { hairpin: link.hairpin }),
          ...(link.isolated === undefined ? {} : { isolated: link.isolated }),
        },
      }),
});

function addressOf(cidr: string): Address {
  const [address = '', length] = cidr.split('/');
  return {
    ...{ index: 1, family: address.includes(':') ? 6 : 4, address, prefixLength: Number(length) },
    ...{ scope: 0, flags: 0, tentative: false, dadFailed: false, deprecated: false, permanent: true },
  };
}
