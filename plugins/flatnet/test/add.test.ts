import { CniError } from '@flatnet/cni';
import { appendRoute, RtnetlinkError } from '@flatnet/kernel';
import { expect, it } from 'vitest';
import { CONF, NETNS, World } from './world.ts';

it('makes a working attachment of the short configuration', async () => {
  const world = new World();
  const result = await world.add();
  const [bridge, host, container] = result.interfaces;
  expect(bridge).toMatchObject({ name: 'fl-net', mtu: 1500 });
  expect(container).toMatchObject({ name: 'eth0', sandbox: NETNS, mtu: 1500 });
  expect(result.ips).toEqual([{ address: '10.87.1.2/24', gateway: '10.87.1.1', interface: 2 }]);
  expect(result.routes).toEqual([{ dst: '0.0.0.0/0', gw: '10.87.1.1' }]);
  const { rtnetlink: links, files, nft, settings } = world.kernel;
  expect(links.find('', host!.name)).toMatchObject({
    master: 'fl-net',
    hairpin: true,
    isolated: false,
    up: true,
    alias: 'flatnet:net:c1:eth0',
  });
  expect(links.find(NETNS, 'eth0')).toMatchObject({ up: true, addresses: ['10.87.1.2/24'], mac: container!.mac });
  expect(links.find('', 'fl-net')).toMatchObject({ up: true, addresses: ['10.87.1.1/24'] });
  expect(links.routes).toEqual([{ family: 4, dst: '0.0.0.0/0', gateway: '10.87.1.1', dev: 'eth0' }]);
  expect(files.get('/proc/sys/net/ipv4/ip_forward')).toBe('1');
  expect(nft.contents).toContain('inet flatnet map source4 1');
  expect(settings.get('ipv6/conf/eth0/disable_ipv6')).toBe('1');
});

it('sends one transaction, reads one chain, and starts no program, where the network stands', async () => {
  const world = new World();
  await world.add();
  const { files, calls } = world.kernel;
  files.set('/proc/sys/net/ipv6/conf/fl-net/mtu', '1500');
  world.kernel.rtnetlink.deleteRoutes();
  const before = calls.length;
  world.answer = { ...world.answer, ips: [{ address: '10.87.1.3/24' }] };
  await world.add(CONF, { attachment: { containerId: 'c2', ifName: 'eth1' } });
  const isOther = (words: string): boolean => /^(?:ip|nft|sysctl|nsenter|bridge|conntrack) /.test(words);
  const said = calls.slice(before).flatMap(({ words }) => (isOther(words) ? [words] : []));
  expect(said).toEqual([expect.stringMatching(/^nft \[/), 'nft list chain inet flatnet postrouting']);
});

it('refuses a second ADD and leaves the first alone, lease included', async () => {
  const world = new World();
  await world.add();
  await expect(world.add()).rejects.toMatchObject({ code: 100 });
  expect(world.asked).toEqual(['ADD']);
  expect(world.links).toHaveLength(2);
});

it('names an interface that another network gave the container, and asks for no lease', async () => {
  const world = new World();
  world.kernel.rtnetlink.add(NETNS, 'eth0', 'veth');
  await expect(world.add()).rejects.toThrow('interface eth0 already exists in');
  expect(world.asked).toEqual([]);
  expect(world.links).toEqual(['eth0']);
});

it('leaves alone what is not a bridge', async () => {
  const world = new World();
  world.kernel.rtnetlink.add('', 'dummy0', 'dummy');
  await expect(world.add({ ...CONF, bridge: 'dummy0' })).rejects.toThrow('dummy0 is not a bridge');
  expect(world.kernel.rtnetlink.find('', 'dummy0')).toMatchObject({ up: false, addresses: [] });
  expect(world.links).toEqual(['dummy0']);
});

it('says that a bridge is full', async () => {
  const world = new World();
  world.kernel.intercept = ({ change }) => {
    if (change?.do !== 'set-link' || change.change.master === undefined) return undefined;
    throw new RtnetlinkError('failed', 'attach', 'Exchange full', 3, 'EXFULL');
  };
  await expect(world.add()).rejects.toThrow('bridge fl-net is full');
});

it('refuses a bridge with another address, and replaces it when told to', async () => {
  const world = new World();
  const bridge = world.kernel.rtnetlink.add('', 'fl-net', 'bridge', { addresses: ['10.1.1.1/24'] });
  await expect(world.add()).rejects.toThrow('"fl-net" already has an IP address different from 10.87.1.1/24');
  expect(bridge.addresses).toEqual(['10.1.1.1/24']);
  await world.add({ ...CONF, forceAddress: true });
  expect(bridge.addresses).toEqual(['10.87.1.1/24']);
});

it('names the route that a new subnet would take away', async () => {
  const world = new World();
  world.kernel.rtnetlink.apply(appendRoute({ family: 4, dst: '10.0.0.0/8', dev: 'wg0' }));
  await expect(world.add()).rejects.toThrow(CniError);
  await expect(world.add()).rejects.toMatchObject({ details: expect.stringContaining('10.0.0.0/8 by wg0') });
  await world.add({ ...CONF, allowOverlap: true });
});

it.each([
  ['another subnet', [{ subnet: '10.99.0.0/16' }]],
  ['a pool', [{ subnet: '10.0.0.0/8' }]],
])('masquerades the address that the delegate answers, where the configuration names %s', async (_, range) => {
  const world = new World();
  await world.add({ cniVersion: '1.1.0', name: 'net', ipam: { type: 'ipam', ranges: [range] } });
  const listed = JSON.stringify(await world.kernel.nft.list({ family: 'inet', table: 'flatnet' }));
  expect(listed).toContain('["10.87.1.2",{"jump"');
  expect(listed).toContain('{"addr":"10.87.1.0","len":24}');
  expect(listed).not.toMatch(/10\.99|10\.0\.0\.0/);
});

it('with other options than before it has exactly those: what an ADD that was killed left is replaced', async () => {
  const world = new World();
  await world.add({ ...CONF, antiSpoof: true, clampMSS: true });
  world.kernel.rtnetlink.deleteRoutes();
  world.kernel.rtnetlink.delete('', world.links[0]!);
  await world.add({ ...CONF, ipMasq: false, isDefaultGateway: true });
  expect(world.kernel.nft.contents).toEqual([]);
});

it('refuses the second default gateway of an internal network', async () => {
  const world = new World();
  const result = await world.add({ ...CONF, internal: true });
  expect(result.routes).toEqual([]);
  expect(world.kernel.nft.contents).toEqual([]);
  expect(() => world.request('ADD', { ...CONF, internal: true, ipMasq: true })).toThrow('invalid configuration');
});

it('switches IPv6 on late when only the delegate knew of it', async () => {
  const world = new World();
  world.answer = { ips: [{ address: 'fd00::2/64' }], routes: [], dns: {} };
  const result = await world.add();
  expect(result.routes).toEqual([{ dst: '::/0', gw: 'fd00::1' }]);
  expect(world.kernel.settings.get('ipv6/conf/eth0/disable_ipv6')).toBe('0');
  expect(world.kernel.settings.get('ipv6/conf/eth0/accept_ra')).toBe('0');
});

it.each([
  [{ ips: [] }, 'no usable result'],
  [{ ips: [{ address: 'x' }] }, 'no usable result'],
  [{ ips: [{ address: '10.0.0.1/24; up' }] }, 'no usable result'],
  [{ routes: [{ dst: '10.0.0.0/8\nlink' }] }, 'no usable result'],
  [{ routes: [{ dst: '10.0.0.0/8', gw: '1.2.3' }] }, 'no usable result'],
])('undoes everything when the delegate answers %j', async (answer, message) => {
  const world = new World();
  world.answer = { ...world.answer, ...answer };
  await expect(world.add()).rejects.toThrow(message);
  expect(world.asked).toEqual(['ADD', 'DEL']);
  expect(world.links).toEqual([]);
});

it('attaches at layer 2 without a delegate', async () => {
  const world = new World();
  const result = await world.add({ name: 'net', disableContainerInterface: true });
  expect(result.ips).toEqual([]);
  expect(world.asked).toEqual([]);
  expect(world.kernel.rtnetlink.find(NETNS, 'eth0')).toMatchObject({ up: false });
});

it('takes the MAC of the runtime before args before CNI_ARGS', async () => {
  const macOf = async (conf: object, args = new Map<string, string>()) => {
    const { interfaces } = await new World().add({ ...CONF, ...conf }, { args });
    return interfaces[2]?.mac;
  };
  const args = new Map([['MAC', '02:00:00:00:00:0A']]);
  const inArgs = { args: { cni: { mac: '02-00-00-00-00-0b' } } };
  expect(await macOf({}, args)).toBe('02:00:00:00:00:0a');
  expect(await macOf(inArgs, args)).toBe('02:00:00:00:00:0b');
  expect(await macOf({ ...inArgs, runtimeConfig: { mac: '0200.0000.000c' } }, args)).toBe('02:00:00:00:00:0c');
  for (const mac of ['x', '01:00:00:00:00:01', '00:00:00:00:00:00', '02:00:00:00:00', '02:00:00:00:00:01\n']) {
    await expect(macOf({ runtimeConfig: { mac } })).rejects.toThrow('invalid MAC');
  }
});
