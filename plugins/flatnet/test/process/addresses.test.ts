/** The built plugin: what neighbours, the host and the container's other networks see of an address that comes, moves and goes. */
import type { Json } from '@flatnet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { network, openHost, type Host } from './host.ts';

const TIMEOUT = 120_000;
let host: Host;
beforeAll(async () => {
  host = await openHost();
  for (const name of ['c1', 'c2', 'sibling']) await host.sandbox.addNetns(name);
}, TIMEOUT);
afterAll(() => host?.sandbox.close());

const ok = async (verb: string, id: string, config: Json, ifName = 'eth0'): Promise<Json> => {
  const answer = await host.call(verb, id, config, { ifName });
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer.json ?? {};
};
const ip = (...words: string[]): Promise<string> => host.sandbox.must('ip', words);
const json = async (...words: string[]): Promise<Json[]> => JSON.parse((await ip('-j', ...words)) || '[]') as Json[];
const macIn = (result: Json): unknown => (result['interfaces'] as Json[])[2]?.['mac'];
const fixed = (n: number, addresses: readonly string[], more: Json = {}): Json =>
  network(host, n, { ipam: { type: 'static', addresses: addresses.map((address) => ({ address })) }, ...more });
const pings = async (from: string, to: string): Promise<boolean> =>
  (await host.sandbox.inNetns(from, 'busybox', ['ping', '-c', '1', '-W', '3', to])).exitCode === 0;

it.each([
  ['of both families', ['10.60.1.5/24', 'fd60:1::5/64']],
  ['of IPv6 only', ['fd60:1::5/64']],
])(
  'an address %s keeps its MAC when it goes to another container, and the sibling reaches it at once',
  async (_, addresses) => {
    const other = addresses.map((address) => address.replace('5/', '9/'));
    await ok('ADD', 'sibling', fixed(1, other));
    const macs: unknown[] = [];
    for (const id of ['c1', 'c2']) {
      const result = await ok('ADD', id, fixed(1, addresses));
      macs.push(macIn(result));
      for (const address of addresses) expect(await pings('sibling', address.split('/')[0]!)).toBe(true);
      expect((await json('-n', id, 'link', 'show', 'dev', 'eth0'))[0]).toMatchObject({ address: macIn(result) });
      await ok('CHECK', id, { ...fixed(1, addresses), prevResult: result });
      await ok('DEL', id, fixed(1, addresses));
    }
    expect(macs[0]).toBe(macs[1]);
    await ok('DEL', 'sibling', fixed(1, other));
  },
  TIMEOUT,
);

it(
  'a MAC that was chosen is announced: sibling and host learn it in place of the old one',
  async () => {
    const mine = (mac: string): Json =>
      fixed(2, ['10.60.2.5/24', 'fd60:2::5/64'], { isDefaultGateway: true, runtimeConfig: { mac } });
    await ok('ADD', 'sibling', fixed(2, ['10.60.2.9/24', 'fd60:2::9/64'], { isDefaultGateway: true }));
    for (const [id, mac] of [
      ['c1', '02:aa:00:00:00:01'],
      ['c2', '02:aa:00:00:00:02'],
    ] as const) {
      expect(macIn(await ok('ADD', id, mine(mac)))).toBe(mac);
      for (const address of ['10.60.2.5', 'fd60:2::5']) {
        expect(await pings('sibling', address), `${address} of ${id}`).toBe(true);
        const [neighbour] = await json('-n', 'sibling', 'neighbour', 'show', address);
        expect(neighbour).toMatchObject({ lladdr: mac });
        expect((await host.sandbox.run('busybox', ['ping', '-c', '1', '-W', '3', address])).exitCode).toBe(0);
      }
      await ok('DEL', id, mine(mac));
    }
    await ok('DEL', 'sibling', fixed(2, ['10.60.2.9/24', 'fd60:2::9/64'], { isDefaultGateway: true }));
  },
  TIMEOUT,
);

it(
  'two networks on one bridge give one address two MACs',
  async () => {
    const first = fixed(3, ['10.60.3.5/24'], { bridge: 'br3' });
    const second = { ...first, name: 'net3b' };
    const one = macIn(await ok('ADD', 'c1', first));
    const two = macIn(await ok('ADD', 'c2', second));
    expect(one).not.toBe(two);
    await ok('DEL', 'c1', first);
    await ok('DEL', 'c2', second);
  },
  TIMEOUT,
);

it(
  'the rules of a second network go with it, from a namespace that lives on, and only its own',
  async () => {
    const rules = async (): Promise<string> => `${await ip('-n', 'c1', 'rule')}${await ip('-n', 'c1', '-6', 'rule')}`;
    await ip('-n', 'c1', 'rule', 'add', 'from', '192.0.2.7', 'lookup', '77');
    const before = await rules();
    const both = { isDefaultGateway: true };
    await ok('ADD', 'c1', fixed(4, ['10.60.4.5/24', 'fd60:4::5/64'], both));
    for (const last of [5, 6, 7]) {
      const second = fixed(5, [`10.60.5.${last}/24`, `fd60:5::${last}/64`], both);
      await ok('ADD', 'c1', second, 'eth1');
      expect(await rules()).toContain(`from 10.60.5.${last} lookup`);
      expect(await rules()).toContain(`from fd60:5::${last} lookup`);
      await ok('DEL', 'c1', second, 'eth1');
      expect(await rules()).toBe(before);
    }
    await ok('DEL', 'c1', fixed(4, ['10.60.4.5/24', 'fd60:4::5/64'], both));
    await ip('-n', 'c1', 'rule', 'delete', 'from', '192.0.2.7', 'lookup', '77');
  },
  TIMEOUT,
);

it(
  'IPv6 that is switched off on the host: STATUS and ADD name the setting, and nothing is made',
  async () => {
    const six = network(host, 6, { cniVersion: '1.1.0', isGateway: true });
    await host.sandbox.must('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=1']);
    for (const verb of ['STATUS', 'ADD']) {
      const { json: error } = await host.call(verb, 'c1', six);
      const next = 'sysctl -w net.ipv6.conf.default.disable_ipv6=0';
      expect(error, verb).toMatchObject({ code: 50, details: expect.stringContaining(next) as string });
    }
    // The delegate alone knows of IPv6: refused once it has answered, and undone.
    host.script('bin', 'six', 'echo "{\\"cniVersion\\":\\"1.0.0\\",\\"ips\\":[{\\"address\\":\\"fd60:6::7/64\\"}]}"');
    const late = await host.call('ADD', 'c1', { ...six, ipam: { type: 'six' } });
    expect(late.json).toMatchObject({ code: 50 });
    await host.sandbox.must('sysctl', ['-qw', 'net.ipv6.conf.all.disable_ipv6=0']);
    expect((await host.sandbox.must('ip', ['-j', 'link', 'show', 'type', 'veth'])).trim()).toMatch(/^(\[\])?$/);
  },
  TIMEOUT,
);

it(
  'IPv4-only containers with IPv6 routes, also with a foreign delegate: attached, without the routes',
  async () => {
    const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }, { dst: 'fd99::/16', gw: 'fd99::1' }];
    const conf = fixed(7, []);
    const four = {
      ...conf,
      ipam: { type: 'static', addresses: [{ address: '10.60.7.5/24', gateway: '10.60.7.1' }], routes },
    };
    const result = await ok('ADD', 'c1', four);
    expect(result['routes']).toEqual([expect.objectContaining({ dst: '0.0.0.0/0' })]);
    expect(await json('-n', 'c1', 'route', 'show', 'default')).toMatchObject([{ gateway: '10.60.7.1' }]);
    await ok('CHECK', 'c1', { ...four, prevResult: result });
    await ok('DEL', 'c1', four);
    const mirror = {
      ...conf,
      ipam: {
        type: 'static',
        addresses: [{ address: 'fd60:7::5/64', gateway: 'fd60:7::1' }],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    };
    await ok('ADD', 'c1', mirror);
    await ok('DEL', 'c1', mirror);
  },
  TIMEOUT,
);

it(
  'a route whose gateway is on no subnet is refused with its name, and nothing stays',
  async () => {
    const strange = {
      ...fixed(8, []),
      ipam: {
        type: 'static',
        addresses: [{ address: '10.60.8.5/24', gateway: '10.60.8.1' }],
        routes: [{ dst: '10.9.0.0/16', gw: '10.77.0.1' }],
      },
    };
    const before = await host.remains();
    const { json: error } = await host.call('ADD', 'c1', strange);
    expect(error).toMatchObject({ code: 7, msg: expect.stringContaining('10.9.0.0/16') as string });
    expect(error).toMatchObject({ details: expect.stringContaining('10.77.0.1') as string });
    expect(await host.remains()).toEqual(before);
  },
  TIMEOUT,
);
