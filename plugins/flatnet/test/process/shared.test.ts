/** The built plugin where it is not alone: bridges and routes of others, several networks on one container, rules that were flushed. */
import type { Json } from '@flatnet/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { network, openHost, type Host } from './host.ts';

const TIMEOUT = 120_000;
let host: Host;
beforeAll(async () => {
  host = await openHost();
}, TIMEOUT);
beforeEach(async () => {
  await host.settle();
  for (const name of ['c1', 'c2']) await host.sandbox.addNetns(name);
}, TIMEOUT);
afterEach(async () => {
  for (const name of ['c1', 'c2']) await host.sandbox.deleteNetns(name);
  expect(await host.remains()).toEqual([]);
}, TIMEOUT);
afterAll(() => host?.sandbox.close());

const ok = async (verb: string, id: string, config: Json, ifName = 'eth0'): Promise<Json> => {
  const answer = await host.call(verb, id, config, { ifName });
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer.json ?? {};
};
const ip = (...words: string[]): Promise<string> => host.sandbox.must('ip', words);
const setting = async (key: string, netns?: string): Promise<string> => {
  const words = ['sysctl', '-n', `net.${key}`] as const;
  const result =
    netns === undefined
      ? await host.sandbox.run('sysctl', words.slice(1))
      : await host.sandbox.inNetns(netns, words[0], words.slice(1));
  return result.stdout.trim();
};
const withStatic = (n: number, ...addresses: readonly Json[]): Json =>
  network(host, n, { ipam: { type: 'static', addresses } });

it(
  'puts the default routes of a second network behind those of the first, and CHECK finds all',
  async () => {
    const first = await ok('ADD', 'c1', network(host, 1));
    const second = await ok('ADD', 'c1', network(host, 2), 'eth1');
    const routes = JSON.parse(await ip('-n', 'c1', '-6', '-j', 'route', 'show', 'default')) as Json[];
    expect(routes).toMatchObject([
      { dev: 'eth0', gateway: 'fd60:1::1', metric: 1024 },
      { dev: 'eth1', gateway: 'fd60:2::1', metric: 1025 },
    ]);
    const routes4 = (await ip('-n', 'c1', '-4', 'route', 'show', 'default')).trim().split(/ *\n/);
    expect(routes4).toEqual(['default via 10.60.1.1 dev eth0', 'default via 10.60.2.1 dev eth1 metric 1']);
    for (const net of [1, 2]) {
      expect(await ip('-n', 'c1', '-6', 'rule')).toMatch(new RegExp(`from fd60:${net}::\\S+ lookup`));
    }
    await ok('CHECK', 'c1', network(host, 1, { prevResult: first }));
    await ok('CHECK', 'c1', network(host, 2, { prevResult: second }), 'eth1');
    await ok('DEL', 'c1', network(host, 2), 'eth1');
    await ok('DEL', 'c1', network(host, 1));
  },
  TIMEOUT,
);

it(
  'gives a second network two addresses of one subnet',
  async () => {
    const two = withStatic(
      3,
      { address: '10.60.3.5/24', gateway: '10.60.3.1' },
      { address: '10.60.3.6/24', gateway: '10.60.3.1' },
    );
    await ok('ADD', 'c1', network(host, 1));
    await ok('ADD', 'c1', two, 'eth1');
    const rules = await ip('-n', 'c1', 'rule');
    for (const address of ['10.60.3.5', '10.60.3.6']) expect(rules).toContain(`from ${address} lookup`);
    await ok('DEL', 'c1', two, 'eth1');
    await ok('DEL', 'c1', network(host, 1));
  },
  TIMEOUT,
);

it(
  'refuses a subnet of the host, and leaves no bridge, no rule and no forwarding behind',
  async () => {
    await ip('link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1');
    await ip('address', 'add', '192.168.7.10/24', 'dev', 'lan0');
    for (const name of ['lan0', 'lan1']) await ip('link', 'set', 'dev', name, 'up');
    await ip('link', 'add', 'br7', 'type', 'bridge');
    await host.sandbox.must('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
    for (const bridge of ['fl-net7', 'br7']) {
      const taken = withStatic(7, { address: '192.168.7.20/24', gateway: '192.168.7.1' });
      const answer = await host.call('ADD', 'c1', { ...taken, bridge });
      expect(answer.json).toMatchObject({ code: 100, details: expect.stringContaining('lan0') as string });
    }
    expect((await host.sandbox.run('ip', ['link', 'show', 'dev', 'fl-net7'])).exitCode).not.toBe(0);
    expect((await host.sandbox.run('nft', ['list', 'ruleset'])).stdout).not.toContain('192.168.7');
    expect(await setting('ipv4.ip_forward')).toBe('0');
    await ip('link', 'delete', 'dev', 'lan0');
    await ip('link', 'delete', 'dev', 'br7');
  },
  TIMEOUT,
);

it(
  'gives a bridge of somebody else one MAC for good, and lets it hear no router advertisement',
  async () => {
    await ip('link', 'add', 'br8', 'type', 'bridge');
    const mac = async (): Promise<unknown> =>
      (JSON.parse(await ip('-j', 'link', 'show', 'br8')) as Json[])[0]?.['address'];
    const config = network(host, 8, { bridge: 'br8' });
    const seen: unknown[] = [];
    for (const [verb, id] of [
      ['ADD', 'c1'],
      ['ADD', 'c2'],
      ['DEL', 'c1'],
      ['DEL', 'c2'],
    ] as const) {
      await ok(verb, id, config);
      seen.push(await mac());
    }
    expect(new Set(seen).size).toBe(1);
    expect(await setting('ipv6.conf.br8.accept_ra')).toBe('0');
    await ip('link', 'delete', 'dev', 'br8');
  },
  TIMEOUT,
);

it(
  'sees that the rules of its tables were flushed; the next ADD has its own, and DEL of both leaves nothing',
  async () => {
    const prevResult = await ok('ADD', 'c1', network(host, 1));
    for (const family of ['inet', 'bridge']) await host.sandbox.must('nft', ['flush', 'table', family, 'flatnet']);
    const checked = await host.call('CHECK', 'c1', network(host, 1, { prevResult }));
    expect(checked.json).toMatchObject({ code: 102 });
    for (const part of ['the rules of chain att_', 'the rules of chain port_', 'rules of chain postrouting']) {
      expect(checked.json?.['details']).toContain(part);
    }
    const second = await ok('ADD', 'c2', network(host, 1));
    expect(await host.call('CHECK', 'c2', network(host, 1, { prevResult: second }))).toMatchObject({ exitCode: 0 });
    await ok('DEL', 'c1', network(host, 1));
    await ok('DEL', 'c2', network(host, 1));
  },
  TIMEOUT,
);

it(
  'takes an attachment back whatever the configuration says of VLANs by then',
  async () => {
    await ok('ADD', 'c1', network(host, 1));
    const broken = network(host, 1, { vlanTrunk: [{ minID: 5 }] });
    expect((await host.call('ADD', 'c2', broken)).json).toMatchObject({ code: 7 });
    await ok('DEL', 'c2', broken);
    await ok('DEL', 'c1', broken);
  },
  TIMEOUT,
);

it(
  'leaves IPv6 to those who give themselves addresses, on layer 2 only',
  async () => {
    const layer2 = network(host, 9, { ipam: {}, antiSpoof: false });
    await ok('ADD', 'c1', layer2);
    expect(await setting('ipv6.conf.eth0.disable_ipv6', 'c1')).toBe('0');
    await ok('DEL', 'c1', layer2);
  },
  TIMEOUT,
);

it(
  'with enabledad, answers once the address can be used, and refuses a duplicate',
  async () => {
    const dad = { ...withStatic(6, { address: 'fd60:6::5/64' }), enabledad: true, antiSpoof: false };
    await ok('ADD', 'c1', dad);
    const shown = await ip('-n', 'c1', '-6', 'address', 'show', 'dev', 'eth0');
    expect(shown).toContain('fd60:6::5/64');
    expect(shown).not.toContain('tentative');
    const answer = await host.call('ADD', 'c2', dad);
    expect(answer.json).toMatchObject({ code: 100, msg: 'another interface of the network has address fd60:6::5' });
    await ok('DEL', 'c1', dad);
  },
  TIMEOUT,
);
