// flatnet as a driver of Debian 13's netavark: networks, attachments, real packets, and nothing left.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chainOf, type Json } from '@flatnet/testing';
import { answerTo } from './dns-lab.ts';
import { addressesIn, expectPing, fetchPage, useSandbox, withServer } from './fixture.ts';
import { addressOf, type Container, NetavarkLab } from './netavark-lab.ts';

const host = useSandbox();
const NAMES = ['web', 'db', 'far'] as const;
let lab: NetavarkLab;
const attached: Container[] = [];

beforeAll(async () => {
  lab = await NetavarkLab.open(host.sandbox);
  for (const name of NAMES) await host.sandbox.addNetns(name);
});
const setup: NetavarkLab['setup'] = async (container) => {
  attached.push(container);
  return lab.setup(container);
};
const teardown = async (container: Container): Promise<void> => {
  attached.splice(attached.indexOf(container), 1);
  await lab.teardown(container);
};
afterEach(async () => {
  for (const container of attached.splice(0)) await lab.teardown(container);
  expect(await host.sandbox.must('ip', ['-j', 'link', 'show', 'type', 'bridge']), 'bridges').toMatch(/^\[?\]?\s*$/);
  expect(await host.sandbox.must('nft', ['list', 'ruleset']), 'rules').toBe('');
  [...lab.networks.keys()].forEach((name) => lab.remove(name));
});

const routesOf = async (name: string, family = '-4'): Promise<Json[]> =>
  JSON.parse(await host.sandbox.must('ip', ['-n', name, '-j', family, 'route', 'show', 'default'])) as Json[];
const pings = async (from: string, address: string): Promise<boolean> =>
  (await host.sandbox.inNetns(from, 'busybox', ['ping', '-c', '1', '-W', '1', address])).exitCode === 0;
const served = (port: number, address = '127.0.0.1', from?: string): Promise<string> =>
  fetchPage(host.sandbox, address, port, from);

describe('one network', () => {
  it('address, MAC, way out, siblings and ports are there, as the answer says; teardown takes all, twice too', async () => {
    await lab.create('n1', { ipv6_enabled: true });
    const web = {
      name: 'web',
      networks: { n1: {} },
      ports: [
        { container_port: 80, host_port: 8080 },
        { container_port: 80, host_port: 8081, host_ip: '127.0.0.1' },
        { container_port: 90, host_port: 9000, protocol: 'udp', range: 3 },
      ],
    };
    const status = (await setup(web))['n1']!;
    const { mac_address: mac, subnets } = status.interfaces['eth0']!;
    expect(await addressesIn(host.sandbox, 'web', 'eth0')).toEqual(subnets.map(({ ipnet }) => ipnet));
    const [link] = JSON.parse(await host.sandbox.must('ip', ['-n', 'web', '-j', 'link', 'show', 'eth0'])) as Json[];
    expect(link).toMatchObject({ address: mac });
    expect(await routesOf('web')).toMatchObject([{ gateway: subnets[0]!.gateway, dev: 'eth0' }]);
    expect(await routesOf('web', '-6')).toMatchObject([{ gateway: subnets[1]!.gateway, dev: 'eth0' }]);
    const db = { name: 'db', networks: { n1: {} } };
    await setup(db);
    await expectPing(host.sandbox, 'db', addressOf(status));
    await expectPing(host.sandbox, 'db', addressOf(status, 'eth0', 1));
    await withServer(host.sandbox, 'web', 80, async () => {
      expect([await served(8080), await served(8081)]).toEqual(['served by web', 'served by web']);
      const gateway = subnets[0]!.gateway!;
      expect([await served(8080, gateway, 'db'), await served(8081, gateway, 'db')]).toEqual(['served by web', '']);
    });
    expect(await host.sandbox.must('nft', ['list', 'ruleset'])).toMatch(/9000-9002|9002/);
    await teardown(web);
    await lab.teardown(web);
    await teardown(db);
  });

  it('addresses, MAC and name of the interface are those asked for, an address said twice once', async () => {
    await lab.create('n2', {
      subnets: [{ subnet: '10.77.0.0/24', lease_range: { start_ip: '10.77.0.129', end_ip: '10.77.0.255' } }],
    });
    const wish = { static_ips: ['10.77.0.20', '10.77.0.20'], static_mac: '02:11:22:33:44:55', interface_name: 'net7' };
    const status = (await setup({ name: 'web', networks: { n2: wish } }))['n2'];
    expect(status?.interfaces).toEqual({
      net7: { mac_address: '02:11:22:33:44:55', subnets: [{ ipnet: '10.77.0.20/24', gateway: '10.77.0.1' }] },
    });
    expect(await addressesIn(host.sandbox, 'web', 'net7')).toEqual(['10.77.0.20/24']);
    const other = (await setup({ name: 'db', networks: { n2: {} } }))['n2'];
    expect(addressOf(other)).toBe('10.77.0.129');
  });

  it('an internal network has no way out, and keeps no address for a gateway', async () => {
    await lab.create('inner', { internal: true, subnets: [{ subnet: '10.77.1.0/24' }] });
    const ports = [{ container_port: 80, host_port: 8080 }];
    const status = (await setup({ name: 'web', networks: { inner: {} }, ports }))['inner'];
    expect(status?.interfaces['eth0']?.subnets).toEqual([{ ipnet: '10.77.1.1/24', gateway: null }]);
    expect(await routesOf('web')).toEqual([]);
    await setup({ name: 'db', networks: { inner: {} } });
    expect(await pings('db', '10.77.1.1')).toBe(true);
    expect(await host.sandbox.must('nft', ['list', 'ruleset'])).toBe('');
  });

  it('without an IPAM the container has an interface, and no address', async () => {
    await lab.create('bare', { ipam_options: { driver: 'none' } });
    const status = (await setup({ name: 'web', networks: { bare: {} } }))['bare'];
    expect(status?.interfaces['eth0']?.subnets).toEqual([]);
    expect(await addressesIn(host.sandbox, 'web', 'eth0')).toEqual([]);
  });

  it('options: mtu, routes, no_default_route and rates are those asked for', async () => {
    const options = { mtu: '1400', no_default_route: 'true', limit_down: '10M' };
    const routes = [{ destination: '10.5.0.0/16', gateway: '10.77.2.3', metric: 77 }];
    await lab.create('o1', { options, routes, subnets: [{ subnet: '10.77.2.0/24' }] });
    await setup({ name: 'web', networks: { o1: {} } });
    const shown = await host.sandbox.must('ip', ['-n', 'web', '-j', 'link', 'show', 'eth0']);
    expect(JSON.parse(shown)).toMatchObject([{ mtu: 1400 }]);
    expect(await routesOf('web')).toEqual([]);
    const route = await host.sandbox.must('ip', ['-n', 'web', '-j', 'route', 'show', '10.5.0.0/16']);
    expect(JSON.parse(route)).toMatchObject([{ gateway: '10.77.2.3', metric: 77 }]);
    expect(await host.sandbox.must('tc', ['qdisc'])).toContain('tbf');
  });
});

describe('several networks', () => {
  it('in any order the lowest metric has the default route, and a port moves over with disconnect', async () => {
    await lab.create('a', { options: { metric: '200' } });
    await lab.create('b', { options: { metric: '50' } });
    const ports = [{ container_port: 80, host_port: 8080 }];
    await setup({ name: 'web', networks: { b: { interface_name: 'eth1' } }, ports });
    await setup({ name: 'web', networks: { a: { interface_name: 'eth0' } }, ports });
    expect(await routesOf('web')).toMatchObject([
      { dev: 'eth1', metric: 50 },
      { dev: 'eth0', metric: 200 },
    ]);
    await withServer(host.sandbox, 'web', 80, async () => {
      expect(await served(8080)).toBe('served by web');
      await teardown(attached[0]!);
      expect(await served(8080)).toBe('served by web');
    });
    expect(await routesOf('web')).toMatchObject([{ dev: 'eth0' }]);
  });

  it('isolated networks do not reach each other, others do', async () => {
    for (const name of ['i1', 'i2']) await lab.create(name, { options: { isolate: 'true' } });
    await lab.create('o3');
    const first = addressOf((await setup({ name: 'web', networks: { i1: {} } }))['i1']);
    await setup({ name: 'db', networks: { i2: {} } });
    const third = addressOf((await setup({ name: 'far', networks: { o3: {} } }))['o3']);
    expect([await pings('db', first), await pings('far', first), await pings('db', third)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('a network of a conflist lives beside it, and a port has one owner over both', async () => {
    await lab.create('n4');
    const chain = chainOf(host.sandbox, {
      ...{ cniVersion: '1.1.0', name: 'old' },
      plugins: [
        { type: 'flatnet', ipam: { type: 'flatnet-ipam', subnet: '10.78.0.0/24' } },
        { type: 'flatnet-portmap', capabilities: { portMappings: true } },
      ],
    });
    const capabilities = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };
    const old = { containerId: 'old', ifName: 'eth0', netns: '/run/netns/far', capabilities };
    await chain.add(old);
    const web = { name: 'web', networks: { n4: {} }, ports: [{ container_port: 80, host_port: 8080 }] };
    const refused = await lab.run('setup', web);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: expect.stringMatching(/8080.*old/s) as string });
    const gateway = addressOf((await setup({ name: 'db', networks: { n4: {} } }))['n4']).replace(/\d+$/, '1');
    expect(await pings('far', gateway)).toBe(true);
    await chain.del(old);
    await host.sandbox.must('ip', ['link', 'delete', 'fl-old']);
    await setup(web);
  });
});

describe('names', () => {
  it('container, aliases and the domain of Podman are found; the answer names resolver and domain', async () => {
    await lab.create('names', { dns_enabled: true });
    const status = (await setup({ name: 'web', networks: { names: { aliases: ['www', 'abcdefabcdef'] } } }))['names'];
    const [server = ''] = status?.dns_server_ips ?? [];
    expect(status).toMatchObject({ dns_server_ips: [status?.interfaces['eth0']?.subnets[0]?.gateway] });
    expect(status?.dns_search_domains).toEqual(['dns.podman']);
    await setup({ name: 'db', networks: { names: {} } });
    for (const name of ['web', 'www', 'web.dns.podman', 'abcdefabcdef']) {
      expect(await answerTo(host.sandbox, 'db', name, { server }), name).toEqual([addressOf(status)]);
    }
    for (const container of attached.splice(0)) await lab.teardown(container);
    await host.sandbox.idle();
  });
});
