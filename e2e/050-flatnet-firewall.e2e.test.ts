// Isolation between networks, with real packets: IPv4 and IPv6, TCP and UDP, containers, the host and a machine outside.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { gatewayOf, type NetworkName, type Place, PolicyLab, withoutBridgeFilter } from './policy-lab.ts';

const host = useSandbox();
let lab: PolicyLab;
const attached: [Place, NetworkName][] = [];

beforeAll(async () => {
  lab = await PolicyLab.open(host.sandbox);
});
const detachAll = async (): Promise<void> => {
  for (const [place, network] of attached.splice(0)) await lab.del(place, network);
};
afterEach(detachAll);

const add: PolicyLab['add'] = async (place, network, wish) => {
  attached.push([place, network]);
  return lab.add(place, network, wish);
};
/** The firewall's own ADD again, with the network's file of now. */
const repeat: PolicyLab['repeat'] = async (...call) => {
  const answer = await lab.repeat(...call);
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer;
};
/** Two containers on each network. */
const attach = async (ofA: object, ofB: object): Promise<void> => {
  lab.configure('a', { ...ofA });
  lab.configure('b', { ...ofB });
  for (const place of ['a1', 'a2'] as const) await add(place, 'a');
  for (const place of ['b1', 'b2'] as const) await add(place, 'b');
};
const table = async (): Promise<string> =>
  (await host.sandbox.run('nft', ['list', 'table', 'inet', 'flatnet_policy'])).stdout;

const inState = (state: string, body: () => Promise<void>): Promise<void> =>
  state === 'loaded'
    ? body()
    : withoutBridgeFilter(host.sandbox, async () => {
        await body();
        await detachAll();
      });

describe.each(['loaded', 'absent'])('br_netfilter is %s', (state) => {
  it.each([
    ['open', 'same-bridge', { 'a1>a2': 'yes', 'a1>b1': 'yes', 'b1>a1': 'yes' }],
    ['same-bridge', 'same-bridge', { 'a1>a2': 'yes', 'a1>b1': 'silent', 'b1>a1': 'silent' }],
    ['isolated', 'open', { 'a1>a2': 'silent', 'a1>b1': 'yes', 'b1>a1': 'yes', 'b1>b2': 'yes' }],
    ['isolated', 'same-bridge', { 'a1>a2': 'silent', 'a1>b1': 'silent', 'b1>a1': 'silent', 'b1>b2': 'yes' }],
    ['strict', 'open', { 'a1>a2': 'yes', 'a1>b1': 'silent', 'b1>a1': 'silent', 'b1>b2': 'yes' }],
  ] as const)('%s beside %s', (ofA, ofB, expected) =>
    inState(state, async () => {
      await attach({ ingressPolicy: ofA }, { ingressPolicy: ofB });
      const pairs = Object.keys(expected) as `${Place}>${Place}`[];
      expect(await lab.matrix(...pairs, 'a1>out', 'out>a1', 'host>a1')).toEqual({
        ...expected,
        ...{ 'a1>out': 'yes', 'out>a1': 'yes', 'host>a1': 'yes' },
      });
      for (const place of ['a1', 'a2'] as const) await lab.check(place, 'a');
    }),
  );

  it('isolated siblings reach their own, and each others, published ports', () =>
    inState(state, async () => {
      lab.configure('a', { ingressPolicy: 'isolated' });
      const published = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
      await add('a1', 'a', { published });
      await add('a2', 'a');
      for (const family of [4, 6] as const) {
        const address = gatewayOf('a', family);
        expect([await lab.ask('a2', address, 8080), await lab.ask('a1', address, 8080)]).toEqual(['yes', 'yes']);
      }
      expect(await lab.matrix('a2>a1')).toEqual({ 'a2>a1': 'silent' });
    }));
});

it('a network with allowNetworks reaches a strict one, which does not reach it', async () => {
  await attach({ ingressPolicy: 'strict', allowNetworks: ['b'] }, { ingressPolicy: 'strict' });
  expect(await lab.matrix('a1>b1', 'b1>a1')).toEqual({ 'a1>b1': 'yes', 'b1>a1': 'silent' });
  // The last ADD speaks for the network, and holds for flows that go on.
  lab.configure('a', { ingressPolicy: 'strict' });
  await repeat('a2', 'a');
  expect(await lab.matrix('a1>b1')).toEqual({ 'a1>b1': 'silent' });
});

it('published ports cross isolation, unless isolatePublished forbids it', async () => {
  const published = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
  lab.configure('a', { ingressPolicy: 'same-bridge' });
  lab.configure('b', { ingressPolicy: 'same-bridge' });
  await add('a1', 'a', { published });
  await add('b1', 'b');
  const ask = () => Promise.all(([4, 6] as const).map((family) => lab.ask('b1', gatewayOf('b', family), 8080)));
  expect(await ask()).toEqual(['yes', 'yes']);
  lab.configure('a', { ingressPolicy: 'same-bridge', isolatePublished: true });
  await repeat('a1', 'a');
  expect(await ask()).toEqual(['silent', 'silent']);
  expect(await lab.ask('out', '192.0.2.1', 8080)).toBe('yes');
});

it('external: published lets in answers and published ports, open lets in all', async () => {
  const published = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
  lab.configure('a', { external: 'published' });
  lab.configure('b', {});
  await add('a1', 'a', { published });
  await add('b1', 'b');
  const open = { 'a1>out': 'yes', 'b1>a1': 'yes', 'host>a1': 'yes', 'out>b1': 'yes' };
  expect(await lab.matrix('out>a1', 'a1>out', 'b1>a1', 'host>a1', 'out>b1')).toEqual({ ...open, 'out>a1': 'silent' });
  expect([await lab.ask('out', '192.0.2.1', 8080), await lab.ask('out', 'fd99::1', 8080)]).toEqual(['yes', 'yes']);
  lab.configure('a', { external: 'OPEN' });
  await repeat('a1', 'a');
  expect(await lab.matrix('out>a1')).toEqual({ 'out>a1': 'yes' });
});

describe('what stays and what goes', () => {
  it('the bridge is as it was after the last DEL, and the table is gone', async () => {
    const flags = async () => {
      const [link] = JSON.parse(await host.sandbox.must('ip', ['-d', '-j', 'link', 'show', 'br-a'])) as {
        linkinfo: { info_data: { nf_call_iptables: number; nf_call_ip6tables: number } };
      }[];
      const { nf_call_iptables: v4, nf_call_ip6tables: v6 } = link!.linkinfo.info_data;
      return [v4, v6];
    };
    lab.configure('a', {});
    await add('a1', 'a');
    expect(await flags()).toEqual([0, 0]);
    lab.configure('a', { ingressPolicy: 'isolated' });
    await repeat('a1', 'a');
    expect(await flags()).toEqual([1, 1]);
    await detachAll();
    expect(await flags()).toEqual([0, 0]);
    expect(await table()).toBe('');
  });
});
