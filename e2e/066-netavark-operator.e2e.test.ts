// What flatnetctl tells of networks and containers of netavark's driver.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, type Json } from '@flatnet/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Steps } from './flatnetctl-schemas.ts';
import { useSandbox } from './fixture.ts';
import { addressOf, idOf, NetavarkLab } from './netavark-lab.ts';

const host = useSandbox();
let lab: NetavarkLab;
const web = { name: 'web', networks: { shop: {} }, ports: [{ container_port: 80, host_port: 8080 }] };

beforeAll(async () => {
  lab = await NetavarkLab.open(host.sandbox);
  await host.sandbox.addNetns('web');
});
afterAll(() => host.sandbox.deleteNetns('web'));
afterEach(async () => {
  await lab.teardown(web);
  lab.remove('shop');
});

const env = (): Record<string, string> => ({
  ...{ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', CNI_PATH: BIN, CONTAINERS_CONF: lab.configuration },
  NETCONFPATH: join(host.sandbox.folder, 'net.d'),
});
const ctl = (...args: readonly string[]) => host.sandbox.run(join(BIN, 'flatnetctl'), args, { env: env() });
const json = async (...args: readonly string[]): Promise<Json[]> => {
  const { stdout, stderr } = await ctl(...args);
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as Json[];
};

it('ls, inspect, graph, ipam and rules tell of them as of others; what Podman keeps is Podman to remove', async () => {
  await lab.create('shop', { labels: { tier: 'front' }, options: { isolate: 'true' } });
  const address = addressOf((await lab.setup(web))['shop']);
  expect(await json('network', 'ls', '-o', 'json')).toMatchObject([
    { id: idOf('shop'), name: 'shop', driver: 'flatnet', bridge: 'fl-shop', containers: 1, managed: false },
  ]);
  expect(await json('network', 'inspect', 'shop')).toMatchObject([
    {
      ...{ id: idOf('shop'), network_interface: 'fl-shop', isolation: ['networks'], labels: { tier: 'front' } },
      subnets: [{ gateway: '10.87.0.1', addresses: { in_use: 1 } }],
      containers: { [idOf('web')]: { name: 'web', interfaces: { eth0: { addresses: [`${address}/24`] } } } },
    },
  ]);
  expect((await ctl('network', 'graph')).stdout).toContain('8080');
  expect(await json('ipam', 'show', '-o', 'json')).toMatchObject([
    { network: 'shop', address, name: 'web', netns: '/run/netns/web' },
  ]);
  expect((await ctl('ipam', 'check')).exitCode).toBe(0);
  expect((await ctl('rules', 'show')).stdout).toContain('shop');
  // A new CNI network keeps clear of it.
  expect((await ctl('network', 'create', 'x', '--subnet', '10.87.0.0/25')).stderr).toContain('network shop');
  expect((await ctl('network', 'rm', 'shop')).stderr).toMatch(/is one of Podman .*\nNext: +podman network rm shop/);
});

it('rules reload brings back what a flush took', async () => {
  await lab.create('shop');
  await lab.setup(web);
  const before = await host.sandbox.must('nft', ['-s', 'list', 'ruleset']);
  await host.sandbox.must('nft', ['flush', 'ruleset']);
  const reloaded = await ctl('rules', 'reload');
  expect(reloaded, reloaded.stderr).toMatchObject({ exitCode: 0 });
  const sorted = (text: string): string[] =>
    text
      .split('\n')
      .map((line) => line.trim())
      .sort();
  expect(sorted(await host.sandbox.must('nft', ['-s', 'list', 'ruleset']))).toEqual(sorted(before));
});

it('a container that died is found, and freed by ipam gc', async () => {
  await lab.create('shop');
  await lab.setup(web);
  await host.sandbox.deleteNetns('web');
  await host.sandbox.idle();
  const freed = await ctl('ipam', 'gc');
  expect(freed.stdout, freed.stderr).toContain('on shop');
  await host.sandbox.addNetns('web');
});

it('a network of a conflist becomes one of Podman: with its subnet, bridge and leases, once nothing is attached', async () => {
  const own = ['--subnet', '10.99.0.0/24', '--ip-range', '10.99.0.100-10.99.0.200', '--isolate', '--mtu', '1400'];
  expect(await ctl('network', 'create', 'shop', ...own)).toMatchObject({ exitCode: 0 });
  expect(await ctl('attach', 'shop', '--netns', '/run/netns/web', '--id', 'old')).toMatchObject({ exitCode: 0 });
  const refused = await ctl('network', 'migrate', 'shop');
  expect(refused.stderr).toMatch(/network shop is in use by old\nNext: +podman stop old/);
  expect(await ctl('detach', 'shop', '--id', 'old')).toMatchObject({ exitCode: 0 });
  expect(await ctl('network', 'migrate', 'shop')).toMatchObject({ exitCode: 0, stdout: 'shop\n', stderr: '' });
  lab.networks.set('shop', JSON.parse(readFileSync(join(lab.folder, 'shop.json'), 'utf8')) as Json);
  expect(await json('network', 'ls', '-o', 'json')).toMatchObject([
    { name: 'shop', driver: 'flatnet', bridge: 'fl-shop' },
  ]);
  const wish = { ...web, networks: { shop: { static_ips: ['10.99.0.100'] } } };
  expect(addressOf((await lab.setup(wish))['shop'])).toBe('10.99.0.100');
  const link = JSON.parse(await host.sandbox.must('ip', ['-n', 'web', '-j', 'link', 'show', 'eth0'])) as Json[];
  expect(link).toMatchObject([{ mtu: 1400 }]);
  expect(await host.sandbox.must('nft', ['list', 'table', 'inet', 'flatnet_policy'])).toContain('"fl-shop"');
});

it('test --driver tries what Podman does, on a network of its own or a given one, and leaves nothing', async () => {
  await lab.create('shop', { internal: false });
  for (const given of [['--driver'], ['--network', 'shop']]) {
    const steps = Steps.parse(await json('test', ...given, '-o', 'json'));
    const odd = steps.filter(({ state }) => state !== 'ok').map(({ step, state }) => `${step} ${state}`);
    expect(odd, JSON.stringify(steps)).toEqual(['check skipped']);
  }
  expect(await json('network', 'ls', '-o', 'json')).toMatchObject([{ name: 'shop', containers: 0 }]);
});

it('heal makes a bridge again that was deleted under a living container, with its port and addresses', async () => {
  await lab.create('shop');
  await lab.setup(web);
  const reaches = () => host.sandbox.inNetns('web', 'busybox', ['ping', '-c', '1', '-W', '5', '10.87.0.1']);
  expect((await reaches()).exitCode).toBe(0);
  await host.sandbox.must('ip', ['link', 'delete', 'fl-shop']);
  expect((await ctl('heal', '--dry-run')).stdout).toContain('bridge fl-shop is missing');
  expect(await ctl('heal')).toMatchObject({ exitCode: 0 });
  expect((await reaches()).exitCode).toBe(0);
});
