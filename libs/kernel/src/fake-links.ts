/** The links of the fake kernel: namespaces by path ('' is the host), and what `ip` batches do to them. */

export interface FakeLink {
  name: string;
  kind: string;
  mac: string;
  mtu: number;
  up: boolean;
  alias?: string;
  group?: string;
  master?: string;
  hairpin?: boolean;
  isolated?: boolean;
  readonly alternativeNames: string[];
  readonly addresses: string[];
  /** The other end of a veth. */
  peer?: { readonly netns: string; readonly name: string };
}

/** Says what `ip` would say on stderr. */
export class FakeRefusal extends Error {}

const refuse = (words: string): never => {
  throw new FakeRefusal(words);
};
const EXISTS = 'RTNETLINK answers: File exists';

const after = (words: readonly string[], key: string): string | undefined => {
  const at = words.indexOf(key);
  return at < 0 ? undefined : words[at + 1];
};

interface FakeRoute {
  readonly netns: string;
  readonly words: string;
}

export class FakeLinks {
  readonly #spaces = new Map<string, Map<string, FakeLink>>([['', new Map()]]);
  readonly #routes: FakeRoute[] = [];
  readonly rules: string[] = [];

  /** The routes of all namespaces, as `ip route append` was given them. */
  get routes(): readonly string[] {
    return this.#routes.map(({ words }) => words);
  }

  deleteRoutes(): void {
    this.#routes.length = 0;
  }

  /** The routes of one namespace and family, as `ip -j route show` lists them. */
  listRoutes(netns: string, family: 4 | 6, table: string): readonly object[] {
    return this.#routes
      .filter((route) => route.netns === netns && route.words.includes(':') === (family === 6))
      .map(({ words }) => words.split(' '))
      .filter((words) => (after(words, 'table') ?? 'main') === table)
      .map((words) => ({
        dst: /^(?:0\.0\.0\.0|::)\/0$/.test(words[0] ?? '') ? 'default' : words[0],
        dev: after(words, 'dev'),
        ...(words.includes('via') ? { gateway: after(words, 'via') } : {}),
        ...(words.includes('metric') ? { metric: Number(after(words, 'metric')) } : {}),
      }));
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
    if (this.find(netns, name) !== undefined) refuse(EXISTS);
    const link = {
      name,
      kind,
      mac: '02:00:00:00:00:00',
      mtu: 1500,
      up: false,
      alternativeNames: [],
      addresses: [],
      ...more,
    };
    this.in(netns).set(name, link);
    return link;
  }

  delete(netns: string, name: string): void {
    const link = this.find(netns, name) ?? refuse(`Cannot find device "${name}"`);
    this.in(netns).delete(link.name);
    if (link.peer !== undefined) this.in(link.peer.netns).delete(link.peer.name);
  }

  /** Executes one batch command. @throws FakeRefusal. */
  execute(netns: string, words: readonly string[]): string {
    const [object, verb] = words;
    if (object === 'link' && verb === 'add') this.#linkAdd(netns, words);
    else if (object === 'link' && verb === 'set') this.#linkSet(netns, words);
    else if (object === 'link' && verb === 'property')
      this.#get(netns, after(words, 'dev')).alternativeNames.push(words.at(-1) ?? '');
    else if (object === 'link' && verb === 'delete') this.delete(netns, after(words, 'dev') ?? '');
    else if (object === 'address' && verb === 'show') return this.#show(netns, words);
    else if (object === 'address') this.#address(netns, words);
    else if (object === 'route' && verb === 'append') this.#routes.push({ netns, words: words.slice(2).join(' ') });
    else if (object === 'rule') this.rules.push(words.slice(2).join(' '));
    else if (object === 'route' && verb === 'show')
      return this.routes
        .filter((route) => route.startsWith('0.0.0.0/0'))
        .map((route) => `default ${route}\n`)
        .join('');
    else refuse(`Object "${object}" is unknown, try "ip help".`);
    return '';
  }

  #get(netns: string, name = ''): FakeLink {
    return this.find(netns, name) ?? refuse(`Cannot find device "${name}"`);
  }

  #linkAdd(netns: string, words: readonly string[]): void {
    const [own, peer] = [
      words.slice(0, words.indexOf('peer') < 0 ? undefined : words.indexOf('peer')),
      words.slice(words.indexOf('peer')),
    ];
    const name = after(own, 'name') ?? '';
    const kind = after(own, 'type') ?? '';
    const group = after(own, 'group');
    const common = { mtu: Number(after(own, 'mtu') ?? 1500), ...(group === undefined ? {} : { group }) };
    const mac = after(own, 'address') ?? '02:00:00:00:00:00';
    if (kind !== 'veth') return void this.add(netns, name, kind, { ...common, mac });
    const other = { netns: after(peer, 'netns') ?? '', name: after(peer, 'name') ?? '' };
    if (this.find(netns, name) !== undefined) refuse(EXISTS);
    this.add(other.netns, other.name, kind, { ...common, mac: after(peer, 'address') ?? mac, peer: { netns, name } });
    this.add(netns, name, kind, { ...common, mac, peer: other });
  }

  #linkSet(netns: string, words: readonly string[]): void {
    const link = this.#get(netns, after(words, 'dev'));
    const master = after(words, 'master');
    if (master !== undefined) link.master = this.#get(netns, master).name;
    if (words.includes('bridge_slave') && this.find(netns, link.master ?? '')?.kind !== 'bridge')
      refuse('RTNETLINK answers: Operation not supported');
    for (const [key, word] of [
      ['alias', 'alias'],
      ['group', 'group'],
      ['mac', 'address'],
    ] as const) {
      const value = after(words, word);
      if (value !== undefined) link[key] = value;
    }
    for (const flag of ['hairpin', 'isolated'] as const) {
      const value = after(words, flag);
      if (value !== undefined) link[flag] = value === 'on';
    }
    if (words.includes('vlan_filtering')) refuse('RTNETLINK answers: Operation not supported');
    if (words.at(-1) === 'up') link.up = true;
    if (words.at(-1) === 'down') link.up = false;
  }

  #show(netns: string, words: readonly string[]): string {
    return JSON.stringify([listed(this.#get(netns, after(words, 'dev')))]);
  }

  #address(netns: string, words: readonly string[]): void {
    const { addresses } = this.#get(netns, after(words, 'dev'));
    const [, verb, cidr = ''] = words;
    const at = addresses.indexOf(cidr);
    if (verb === 'add') {
      if (at >= 0) refuse(EXISTS);
      addresses.push(cidr);
    } else if (at >= 0) addresses.splice(at, 1);
    else refuse('RTNETLINK answers: Cannot assign requested address');
  }
}

/** A link as `ip -j -d` shows it, addresses included. */
export const listed = (link: FakeLink): object => ({
  ifname: link.name,
  ifindex: 1,
  flags: link.up ? ['UP'] : [],
  address: link.mac,
  mtu: link.mtu,
  ...(link.alias === undefined ? {} : { ifalias: link.alias }),
  group: link.group ?? 'default',
  ...(link.master === undefined ? {} : { master: link.master }),
  altnames: link.alternativeNames,
  linkinfo: { info_kind: link.kind, info_slave_data: { hairpin: link.hairpin, isolated: link.isolated } },
  addr_info: link.addresses.map((cidr) => {
    const [local, length] = cidr.split('/');
    return { local, prefixlen: Number(length), scope: 'global' };
  }),
});
