/** Against the kernel's nf_tables, in a private network namespace. */
import { existsSync } from 'node:fs';
import { type Run, ToolError } from '@flatnet/exec';
import { sha256Hex } from '@flatnet/digest';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { attach, collect, detach, lostRules, type Network, rebuild, type WantedRules } from '../src/index.ts';
import { readPolicies, verdictsOf } from '../src/language/index.ts';
import { type Lab, openLab } from './lab.ts';

vi.setConfig({ testTimeout: 60_000 });

let lab: Lab;
beforeEach(() => {
  lab = openLab();
});
afterEach(() => {
  try {
    expect([lab.nft('list', 'ruleset'), existsSync(lab.world.folder.stateDir)]).toEqual(['', false]);
  } finally {
    lab.close();
  }
});

/** As the protocol's. */
const networkHash = (name: string): string => sha256Hex(name).slice(0, 12);
const ownerOf = (name: string, containerId: string) => ({
  ...{ network: name, containerId, ifName: 'eth0', networkHash: networkHash(name) },
  hash: sha256Hex([name, containerId, 'eth0'].join('\0')).slice(0, 24),
});
const network = (name: string, more: Partial<Network> = {}): Network => ({
  ...{ name, hash: networkHash(name), bridge: `br-${name}`, ingressPolicy: 'open', external: 'open' },
  ...{
    isolatePublished: false,
    allowNetworks: [],
    isListed: false,
    judgesSiblings: false,
    firewalldZone: 'trusted',
  },
  ...more,
});
const wanted = (of: Network, id: string, host: number, more: Partial<WantedRules['attachment']> = {}): WantedRules => ({
  network: of,
  attachment: {
    owner: ownerOf(of.name, id),
    ...{ bridge: of.bridge, addresses: [`10.1.0.${host}`, `fd00::${host}`], names: [id], verdicts: {}, peers: [] },
    ...more,
  },
  ...{ picks: [], selected: [], netns: '/run/netns/c' },
});
const everything = verdictsOf(
  readPolicies([
    {
      ingress: [
        { from: [{ container: 'api' }, { network: 'backend' }], ports: [{ port: 5432 }, { protocol: 'UDP' }] },
        { from: [{ entity: 'internet' }, { entity: 'host' }] },
        { ports: [{ protocol: 'SCTP', port: 1, endPort: 65535 }] },
      ],
      egress: [
        { to: [{ entity: 'dns' }, { entity: 'host' }, { entity: 'internet' }] },
        { to: [{ entity: 'dns' }], ports: [{ protocol: 'UDP', port: 50, endPort: 60 }] },
        { to: [{ container: 'web-*' }, { network: 'lan' }], ports: [{ port: 8000, endPort: 8080 }] },
        {
          to: [
            { ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.9/32', '203.0.113.64/27'] } },
            { ipBlock: { cidr: '0.0.0.0/0' } },
            { ipBlock: { cidr: '::/0', except: ['fd00::/8'] } },
            { ipBlock: { cidr: '2001:db8::1/128' } },
          ],
        },
        {},
      ],
    },
  ]),
);
const owner = ({ attachment }: WantedRules) => attachment.owner;

it('the kernel has exactly what is wanted, and all of it goes with the last attachment', async () => {
  const { world } = lab;
  const [a, b] = [network('a', { ingressPolicy: 'isolated', external: 'published', isListed: true }), network('b')];
  const first = wanted(a, 'one', 1, { verdicts: everything });
  const second = wanted(a, 'two', 2, { verdicts: everything, peers: ['web-*'] });
  const third = wanted(b, 'three', 1);
  for (const each of [first, second, third]) {
    await attach(world, each);
    expect(await lostRules(world)).toEqual([]);
  }
  await attach(world, {
    ...first,
    attachment: { ...first.attachment, verdicts: { ingress: [] }, addresses: ['10.1.0.9'] },
  });
  expect(await lostRules(world)).toEqual([]);
  await attach(world, { ...third, network: network('b', { ingressPolicy: 'strict', allowNetworks: ['a', 'no'] }) });
  expect(await lostRules(world)).toEqual([]);
  await detach(world, owner(second));
  expect(lab.nft('list', 'ruleset')).not.toContain('10.1.0.2');
  expect(await lostRules(world)).toEqual([]);
  await detach(world, owner(first));
  expect(await lostRules(world)).toEqual([]);
  expect(lab.nft('list', 'ruleset')).not.toContain('br-a');
  await detach(world, owner(third));
  await detach(world, owner(third));
});

it.each(['flush ruleset', 'flush table inet flatnet_policy', 'flush chain inet flatnet_policy forward'])(
  'after `nft %s` the next ADD, or rebuild, makes all of it again',
  async (words) => {
    const { world } = lab;
    const [a, b] = [network('a', { ingressPolicy: 'same-bridge' }), network('b', { isListed: true })];
    const [one, two, three] = [
      wanted(a, 'one', 1),
      wanted(b, 'two', 1, { verdicts: everything }),
      wanted(a, 'three', 3),
    ];
    await attach(world, one);
    await attach(world, two);
    lab.nft(...words.split(' '));
    expect((await lostRules(world)).length).toBe(2);
    await attach(world, three);
    expect(await lostRules(world)).toEqual([]);
    lab.nft(...words.split(' '));
    expect((await rebuild(world)).map((each) => each.network).sort()).toEqual(['a', 'b']);
    expect(await lostRules(world)).toEqual([]);
    for (const each of [one, two, three]) await detach(world, owner(each));
  },
);

it('with lost records an attachment takes its own rules, and the last one those of the network', async () => {
  const { world } = lab;
  const a = network('a', { ingressPolicy: 'isolated', isListed: true });
  const [one, two] = [wanted(a, 'one', 1, { verdicts: everything }), wanted(a, 'two', 2, { verdicts: everything })];
  await attach(world, one);
  await attach(world, two);
  for (const each of [one, two]) world.folder.attachments.remove(owner(each));
  await detach(world, owner(one));
  const left = lab.nft('list', 'ruleset');
  expect(left).toContain('10.1.0.2 comment');
  expect(left).not.toContain('10.1.0.1 comment');
  await detach(world, owner(two));
});

it('GC takes what is not valid, with and without records', async () => {
  const { world } = lab;
  const [a, b] = [network('a'), network('b')];
  const [one, two, three, other] = [wanted(a, 'one', 1), wanted(a, 'two', 2), wanted(a, 'three', 3), wanted(b, 'x', 1)];
  for (const each of [one, two, three, other]) await attach(world, each);
  world.folder.attachments.remove(owner(three));
  await collect(world, a.hash, new Set([owner(one).hash]));
  expect(await lostRules(world)).toEqual([]);
  const links = lab.nft('list', 'set', 'inet', 'flatnet_policy', `l_${a.hash}`);
  expect(links.match(/"fl[0-9a-f]+"/g)).toHaveLength(1);
  await collect(world, a.hash, new Set());
  expect(lab.nft('list', 'ruleset')).not.toContain('br-a');
  await detach(world, owner(other));
});

it('what the operator wrote stays, and so does the table that it is in', async () => {
  const { world } = lab;
  const one = wanted(network('a'), 'one', 1);
  await attach(world, one);
  lab.nft('add', 'rule', 'inet', 'flatnet_policy', 'admin', 'ip', 'saddr', '10.9.9.9', 'drop');
  await attach(world, wanted(network('a', { external: 'published' }), 'two', 2));
  expect(await lostRules(world)).toEqual([]);
  await detach(world, owner(one));
  await detach(world, owner(wanted(network('a'), 'two', 2)));
  expect(lab.nft('list', 'chain', 'inet', 'flatnet_policy', 'admin')).toContain('10.9.9.9');
  lab.nft('delete', 'table', 'inet', 'flatnet_policy');
});

it('twenty at once, ADD and DEL, leave nothing', async () => {
  const { world } = lab;
  const a = network('a', { isListed: true });
  const all = Array.from({ length: 20 }, (_, n) =>
    wanted(a, `c${n}`, n + 1, { verdicts: n % 2 === 0 ? everything : {} }),
  );
  await Promise.all(all.map((each) => attach(world, each)));
  expect(await lostRules(world)).toEqual([]);
  await Promise.all(all.map((each) => detach(world, owner(each))));
});

it('where a policy drops and iptables is not installed, ADD tells of it, and DEL succeeds', async () => {
  const missing: Run = (file, args, options) => {
    if (file.startsWith('ip')) return Promise.reject(new ToolError(file, 'missing', 'look', 'not installed'));
    return lab.world.kernel.run(file, args, options);
  };
  const world = { ...lab.world, kernel: { ...lab.world.kernel, run: missing } };
  lab.nft('add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }');
  const one = wanted(network('a'), 'one', 1);
  expect(await attach(world, one)).toEqual([expect.stringContaining('not installed')]);
  await detach(world, owner(one));
  lab.nft('delete table ip filter');
});

it('of two networks on one bridge the one that is left goes on to be guarded', async () => {
  const { world } = lab;
  const bridge = { bridge: 'br-shared' };
  const [a, b] = [
    network('a', { ...bridge, ingressPolicy: 'strict' }),
    network('b', { ...bridge, external: 'published' }),
  ];
  const [one, two] = [wanted(a, 'one', 1), wanted(b, 'two', 2)];
  await attach(world, one);
  await attach(world, two);
  await detach(world, owner(two));
  expect(await lostRules(world)).toEqual([]);
  expect(lab.nft('list', 'set', 'inet', 'flatnet_policy', 'strict')).toContain('br-shared');
  await detach(world, owner(one));
});

it.each(['a first', 'b first'])(
  'a bridge that two networks changed is as it was after both are gone: %s',
  async (order) => {
    const { world, kernel } = lab;
    kernel.files.set('/proc/sys/net/bridge/bridge-nf-call-iptables', '0');
    kernel.rtnetlink.add('', 'br-shared', 'bridge');
    const switches: unknown[] = [];
    kernel.intercept = ({ change }) => {
      if (change?.do === 'set-bridge') switches.push(change.settings.nfCallIptables);
      return undefined;
    };
    const shared = { bridge: 'br-shared', ingressPolicy: 'isolated', judgesSiblings: true } as const;
    const [one, two] = [wanted(network('a', shared), 'one', 1), wanted(network('b', shared), 'two', 2)];
    await attach(world, one);
    await attach(world, two);
    for (const each of order === 'a first' ? [one, two] : [two, one]) await detach(world, owner(each));
    expect(switches.at(-1)).toBe(false);
  },
);
