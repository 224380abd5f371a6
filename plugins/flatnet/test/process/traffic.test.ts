/** Packets, not only state; DEL, GC and CHECK against the kernel. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { network, openHost, type Host } from './host.ts';

let host: Host;
beforeAll(async () => {
  host = await openHost();
  for (const name of ['c1', 'c2', 'c3', 'outside']) await host.sandbox.addNetns(name);
  // The world beyond the host: 192.0.2.2 knows 192.0.2.1, and no container network.
  const lines = [
    ['link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'outside'],
    ['address', 'add', '192.0.2.1/24', 'dev', 'up0'],
    ['link', 'set', 'up0', 'up'],
    ['-n', 'outside', 'address', 'add', '192.0.2.2/24', 'dev', 'eth0'],
    ['-n', 'outside', 'link', 'set', 'eth0', 'up'],
  ];
  for (const line of lines) await host.sandbox.must('ip', line);
}, 60_000);
beforeEach(() => host.settle());
afterEach(async () => {
  expect(await host.remains()).toEqual([]);
});
afterAll(() => host?.sandbox.close());

const ok = async (verb: string, id: string, n: number, more: object = {}): Promise<Record<string, unknown>> => {
  const answer = await host.call(verb, id, { ...network(host, n), ...more });
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer.json ?? {};
};
const addressesOf = (result: Record<string, unknown>): string[] =>
  (result['ips'] as { address: string }[]).map(({ address }) => address.split('/')[0] ?? '');
const hostEnds = async (name: string): Promise<unknown[]> => {
  const links = JSON.parse(await host.sandbox.must('ip', ['-j', 'link'])) as { ifalias?: string }[];
  return links.map(({ ifalias }) => ifalias).filter((alias) => alias?.startsWith(`flatnet:${name}:`));
};
const pings = async (from: string, to: string, ...more: string[]): Promise<boolean> =>
  (await host.sandbox.inNetns(from, 'busybox', ['ping', '-c', '1', '-W', '5', ...more, to])).exitCode === 0;

/** RetransSegs of /proc/net/snmp: a segment is sent again when its answer was lost. */
const repeatedSegments = async (netns: string): Promise<number> => {
  const { stdout } = await host.sandbox.inNetns(netns, 'cat', ['/proc/net/snmp']);
  const [names = [], values = []] = stdout.match(/^Tcp: .*/gm)?.map((line) => line.split(' ')) ?? [];
  return Number(values[names.indexOf('RetransSegs')]);
};

it('carries packets inside, outside, in both families, at full size, and none with a foreign source', async () => {
  await ok('ADD', 'c1', 1);
  const [four = '', six = ''] = addressesOf(await ok('ADD', 'c2', 1));
  const [other = ''] = addressesOf(await ok('ADD', 'c3', 2));
  expect(await pings('c1', four)).toBe(true);
  expect(await pings('c1', six)).toBe(true);
  expect(await pings('c1', four, '-s', '1472')).toBe(true);
  expect(await pings('c1', other)).toBe(true);
  // The answer arrives although nobody outside has a route back: the source is the host's.
  expect(await pings('c1', '192.0.2.2')).toBe(true);
  await host.sandbox.must('ip', ['-n', 'c1', 'address', 'add', '10.60.1.99/24', 'dev', 'eth0']);
  expect(await pings('c1', four, '-I', '10.60.1.99')).toBe(false);
  await host.sandbox.must('ip', ['-n', 'c1', 'link', 'set', 'dev', 'eth0', 'address', '02:00:00:00:00:99']);
  expect(await pings('c1', four)).toBe(false);
  await ok('DEL', 'c1', 1);
  await ok('DEL', 'c2', 1);
  await ok('DEL', 'c3', 2);
}, 120_000);

it('a container on two networks answers by the one that was asked, each time', async () => {
  const routes = ['10.60.1.0/24', '10.60.2.0/24'].map((subnet) => ['route', 'add', subnet, 'via', '192.0.2.1']);
  for (const route of routes) await host.sandbox.must('ip', ['-n', 'outside', ...route]);
  // Each time with new addresses, whose gateways the container has not spoken to.
  for (const order of [
    [1, 2],
    [2, 1],
  ]) {
    const asked: string[] = [];
    for (const [at, n] of order.entries()) {
      const conf = { ...network(host, n), antiSpoof: true };
      const answer = await host.call('ADD', 'c1', conf, { ifName: `eth${at}` });
      asked.push(...addressesOf(answer.json ?? {}).filter((address) => !address.includes(':')));
    }
    const before = await repeatedSegments('outside');
    for (const address of [...asked, ...asked, ...asked]) {
      const said = await host.sandbox.inNetns('outside', 'timeout', ['10', 'bash', '-c', `: <>/dev/tcp/${address}/9`]);
      expect(said.stderr, `${address} of ${asked.join(', ')}`).toContain('refused');
    }
    expect(await repeatedSegments('outside')).toBe(before);
    for (const [at, n] of order.entries()) await host.call('DEL', 'c1', network(host, n), { ifName: `eth${at}` });
  }
  for (const route of routes) await host.sandbox.must('ip', ['-n', 'outside', 'route', 'delete', route[2] ?? '']);
}, 120_000);

/** An address that is masqueraded on its way would be answered by the right network in any case. */
const WITHOUT_MASQUERADE = { isDefaultGateway: true, antiSpoof: true, ipMasq: false };

it('a host of the second network that asks the first address is answered by the first network, by its own routes', async () => {
  const conf = (n: number) => network(host, n, WITHOUT_MASQUERADE);
  const asked = addressesOf((await host.call('ADD', 'c1', conf(1), { ifName: 'eth0' })).json ?? {});
  await host.sandbox.must('ip', ['-n', 'c1', 'route', 'add', '198.51.100.0/24', 'via', '10.60.1.77']);
  expect((await host.call('ADD', 'c1', conf(2), { ifName: 'eth1' })).exitCode).toBe(0);
  await ok('ADD', 'c2', 2, WITHOUT_MASQUERADE);
  // Sent from the second network's port, the first network's address would be dropped as a fake.
  for (const address of asked) expect(await pings('c2', address), address).toBe(true);
  const way = async (to: string): Promise<string> =>
    host.sandbox.must('ip', ['-n', 'c1', 'route', 'get', to, 'from', asked[0] ?? '']);
  expect(await way('198.51.100.7')).toContain('via 10.60.1.77 dev eth0');
  expect(await way('192.0.2.2')).toContain('via 10.60.1.1 dev eth0');
  const state = async (): Promise<string> =>
    host.sandbox.must('sh', [
      '-c',
      'for v in 4 6; do ip -n c1 -$v rule; ip -n c1 -$v route show table all | grep "table 5"; done; true',
    ]);
  expect(await state()).toContain(`from ${asked[0]} lookup 5`);
  expect((await host.call('DEL', 'c1', conf(2), { ifName: 'eth1' })).exitCode).toBe(0);
  expect(await state()).not.toMatch(/from (10|fd60)|table 5/);
  await ok('DEL', 'c2', 2);
  await ok('DEL', 'c1', 1);
}, 60_000);

it('finishes DEL with a netns that is gone, and leaves one alone that another container has now', async () => {
  await ok('ADD', 'c1', 1);
  await host.sandbox.deleteNetns('c1');
  await host.sandbox.addNetns('c1');
  const mine = await host.call('ADD', 'c1', network(host, 1), { containerId: 'next' });
  expect(mine.exitCode).toBe(0);
  await ok('DEL', 'c1', 1);
  const link = await host.sandbox.run('ip', ['-n', 'c1', 'link', 'show', 'dev', 'eth0']);
  expect(link.exitCode).toBe(0);
  await host.call('DEL', 'c1', network(host, 1), { containerId: 'next', netns: '' });
}, 60_000);

describe('CHECK and GC', () => {
  it('CHECK agrees with ADD, and names what was changed since', async () => {
    const prevResult = await ok('ADD', 'c1', 1);
    await ok('CHECK', 'c1', 1, { prevResult });
    await host.sandbox.must('nft', ['delete', 'table', 'bridge', 'flatnet']);
    await host.sandbox.must('ip', ['-n', 'c1', 'route', 'delete', 'default']);
    const { json } = await host.call('CHECK', 'c1', { ...network(host, 1), prevResult });
    expect(json).toMatchObject({
      code: 102,
      details: expect.stringMatching(/route to 0\.0\.0\.0\/0.*table bridge flatnet/),
    });
    await ok('DEL', 'c1', 1);
  }, 60_000);

  it('a range set of several subnets: each attachment has its own rules, also two at once', async () => {
    const subnets = ['10.63.1.0/30', '10.63.2.0/30', '10.63.3.0/30'];
    const more = {
      ...{ isGateway: false, ipMasq: true, clampMSS: true },
      ipam: { ...(network(host, 9)['ipam'] as object), ranges: [subnets.map((subnet) => ({ subnet }))] },
    };
    const first = await ok('ADD', 'c1', 9, more);
    const results = [first, ...(await Promise.all(['c2', 'c3'].map((id) => ok('ADD', id, 9, more))))];
    const rules = await host.sandbox.must('nft', ['list', 'table', 'inet', 'flatnet']);
    for (const subnet of subnets) {
      const address = subnet.replace('.0/30', '.2');
      expect(rules).toMatch(new RegExp(`${address} : jump att_`));
      expect(rules).toMatch(new RegExp(`${address} : jump clamp_`));
      expect(rules).toContain(`ip daddr ${subnet} return`);
    }
    for (const [at, prevResult] of results.entries()) await ok('CHECK', `c${at + 1}`, 9, { ...more, prevResult });
    await ok('DEL', 'c1', 9, more);
    const conf = { ...more, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [], ipam: {} };
    await ok('GC', '', 9, conf);
    expect((await host.sandbox.run('nft', ['list', 'table', 'inet', 'flatnet'])).exitCode).not.toBe(0);
    for (const id of ['c2', 'c3']) await ok('DEL', id, 9, more);
  }, 120_000);

  it('GC removes what is not valid, of this network only; STATUS answers', async () => {
    const conf = { cniVersion: '1.1.0', antiSpoof: true, ipam: {} };
    for (const [id, n] of [
      ['c1', 4],
      ['c2', 4],
      ['c3', 5],
    ] as const)
      await ok('ADD', id, n, { ...conf });
    await ok('STATUS', 'c1', 4, conf);
    const valid = [{ containerID: 'c2', ifname: 'eth0' }];
    await ok('GC', 'c1', 4, { ...conf, 'cni.dev/valid-attachments': valid });
    // Of an attachment the host keeps a link, which only its own removal takes away.
    expect(await hostEnds('net4')).toEqual(['flatnet:net4:c2:eth0']);
    expect((await host.sandbox.run('ip', ['-n', 'c2', 'link', 'show', 'dev', 'eth0'])).exitCode).toBe(0);
    await ok('GC', 'c1', 4, { ...conf, 'cni.dev/valid-attachments': [] });
    await ok('GC', 'c1', 5, { ...conf, 'cni.dev/valid-attachments': [] });
  }, 60_000);
});

it('STATUS says which foreign chain swallows forwarded packets, and its advice helps', async () => {
  await ok('ADD', 'c1', 1);
  const chain = '{ type filter hook forward priority 0; policy drop; }';
  await host.sandbox.must('nft', [`add table ip foreign; add chain ip foreign passing ${chain}`]);
  expect(await pings('c1', '192.0.2.2')).toBe(false);
  const conf = { ...network(host, 1), cniVersion: '1.1.0', ipam: {} };
  const { json } = await host.call('STATUS', 'c1', conf);
  expect(json).toMatchObject({ code: 51, details: expect.stringContaining('chain passing of table ip foreign') });
  const [, advice = ''] = String(json?.['details']).split('e.g.: ');
  for (const command of advice.split('; ')) await host.sandbox.must('nft', command.split(' ').slice(1));
  expect(await host.call('STATUS', 'c1', conf)).toMatchObject({ exitCode: 0, stdout: '' });
  expect(await pings('c1', '192.0.2.2')).toBe(true);
  await host.sandbox.must('nft', ['delete', 'table', 'ip', 'foreign']);
  await ok('DEL', 'c1', 1);
}, 60_000);

it('says clearly that this kernel has no VLAN filtering, where it has none, and leaves nothing', async () => {
  const answer = await host.call('ADD', 'c1', network(host, 6, { vlan: 100 }));
  if (answer.exitCode === 0) await ok('DEL', 'c1', 6, { vlan: 100 });
  else expect(answer.json).toMatchObject({ code: 2, msg: 'this kernel cannot filter VLANs on a bridge' });
}, 60_000);
