import { CniError } from '@flatnet/cni';
import { describe, expect, it } from 'vitest';
import { attachmentNames } from '../src/naming.ts';
import { CONF, NETNS, World } from './world.ts';

const names = attachmentNames('net', { containerId: 'c1', ifName: 'eth0' });

describe('DEL', () => {
  it('removes the link, then the lease; again, and without ADD, it succeeds', async () => {
    const world = new World();
    await world.del();
    await world.add();
    await world.del();
    await world.del();
    expect(world.links).toEqual([]);
    expect(world.asked).toEqual(['DEL', 'ADD', 'DEL', 'DEL']);
  });

  it('needs no netns and never touches one', async () => {
    const world = new World();
    await world.add();
    const before = world.kernel.calls.length;
    await world.del(CONF, { netns: undefined });
    expect(world.kernel.calls.slice(before).filter(({ netns }) => netns !== undefined)).toEqual([]);
    expect(world.links).toEqual([]);
  });

  it('reads a broken configuration as far as it goes', async () => {
    const world = new World();
    await world.add();
    await world.del({ ...CONF, mtu: 'x', vlan: -1, dns: 7, runtimeConfig: 'y' });
    expect(world.links).toEqual([]);
    expect(world.asked).toEqual(['ADD', 'DEL']);
  });

  it.each([
    ['a link that ADD had no time to mark', { mac: names.hostMac }],
    ['a link that has lost its alternative name', { alias: names.alias }],
    ['a link that was renamed', { name: 'renamed', alternativeNames: [names.alternative] }],
  ])('removes %s', async (_, { name = names.hostVeth, ...more }: { name?: string } & object) => {
    const world = new World();
    world.kernel.rtnetlink.add('', name, 'veth', more);
    await world.del();
    expect(world.links).toEqual([]);
    expect(world.asked).toEqual(['DEL']);
  });

  it.each([
    ['veth', { alias: 'mine' }],
    ['veth', {}],
    ['veth', { alias: 'flatnet:net:other:eth0', mac: names.hostMac }],
    ['dummy', { mac: names.hostMac }],
  ])(
    'leaves a foreign link (%s, %j) under the name of the host end, says so, and frees the lease',
    async (kind, more) => {
      const world = new World();
      world.kernel.rtnetlink.add('', names.hostVeth, kind, more);
      const notes: string[] = [];
      await world.del(CONF, { note: (text: string) => notes.push(text) });
      expect(world.links).toEqual([names.hostVeth]);
      expect(world.asked).toEqual(['DEL']);
      expect(notes).toEqual([expect.stringContaining('was left as it is')]);
      await expect(world.add()).rejects.toThrow(`link ${names.hostVeth} exists and is foreign`);
      expect(world.links).toEqual([names.hostVeth]);
    },
  );
});

describe('GC', () => {
  it("drops this network's links that are not valid, and asks the delegate", async () => {
    const world = new World();
    await world.add();
    await world.add(CONF, { attachment: { containerId: 'c2', ifName: 'eth1' } });
    world.kernel.rtnetlink.add('', 'other', 'veth', { alias: 'flatnet:net2:c9:eth0' });
    await world.plugin.gc({ ...world.request('GC'), validAttachments: [{ containerId: 'c1', ifName: 'eth0' }] });
    expect(world.links).toEqual([names.hostVeth, 'other', 'eth0']);
    expect(world.asked.at(-1)).toBe('GC');
  });

  it('releases nothing without a list', async () => {
    const world = new World();
    await world.add();
    await world.plugin.gc(world.request('GC'));
    expect(world.links).toHaveLength(2);
  });
});

describe('rules', () => {
  const EVERYTHING = { ...CONF, antiSpoof: true, clampMSS: true };
  const NOTHING = { ...CONF, ipMasq: false, isDefaultGateway: true };

  it.each([
    ['as ADD had it', EVERYTHING],
    ['that asks for none now', NOTHING],
  ])('go with DEL, with a configuration %s', async (_, conf) => {
    const world = new World();
    const prevResult = await world.add(EVERYTHING);
    await world.del({ ...conf, prevResult });
    expect(world.kernel.nft.contents).toEqual([]);
  });

  it('of others stay, and go with the last of them', async () => {
    const world = new World();
    const [one, other] = ['c1', 'c2'].map((containerId) => ({ attachment: { containerId, ifName: 'eth0' } }));
    await world.add(EVERYTHING, one);
    world.kernel.rtnetlink.delete(NETNS, 'eth0');
    world.answer = { ...world.answer, ips: [{ address: '10.87.1.3/24' }] };
    world.kernel.rtnetlink.deleteRoutes();
    await world.add(EVERYTHING, other);
    await world.del(CONF, one);
    expect(world.kernel.nft.contents).toContain('inet flatnet map source4 1');
    await world.del(CONF, other);
    expect(world.kernel.nft.contents).toEqual([]);
  });

  it('go with GC', async () => {
    const world = new World();
    await world.add(EVERYTHING);
    await world.plugin.gc({ ...world.request('GC'), validAttachments: [] });
    expect(world.kernel.nft.contents).toEqual([]);
  });
});

describe('CHECK', () => {
  const findings = async (world: World, spoil: () => void): Promise<string> => {
    const prevResult = await world.add();
    spoil();
    const failure = await world.plugin
      .check({ ...world.request('CHECK'), prevResult })
      .catch((error: unknown) => error);
    return failure instanceof CniError ? failure.details : '';
  };

  it('names every difference at once, each with its repair', async () => {
    const world = new World();
    const said = await findings(world, () => {
      const { rtnetlink: links } = world.kernel;
      Object.assign(links.find('', names.hostVeth)!, { hairpin: false, isolated: true, mtu: 9000, up: false });
      Object.assign(links.find(NETNS, 'eth0')!, { mac: '02:00:00:00:00:09', mtu: 1400, addresses: [] });
      links.find('', 'fl-net')!.up = false;
      links.deleteRoutes();
      world.refusals.set('CHECK', new CniError(102, 'lease is missing'));
    });
    for (const part of [
      'hairpin',
      'isolated',
      'is 9000, not 1500',
      'MAC of eth0',
      'is 1400',
      'lacks 10.87.1.2/24',
      'bridge fl-net is down',
      'lease is missing',
      'route to 0.0.0.0/0',
      `${names.hostVeth} is down`,
    ]) {
      expect(said).toContain(part);
    }
  });

  it('finds nothing in what ADD made, and changes nothing', async () => {
    const world = new World();
    expect(await findings(world, () => undefined)).toBe('');
  });

  it.each([
    [
      'the bridge is down',
      (world: World) => (world.kernel.rtnetlink.find('', 'fl-net')!.up = false),
      'bridge fl-net is down',
    ],
    [
      'the gateway is gone',
      (world: World) => world.kernel.rtnetlink.find('', 'fl-net')!.addresses.splice(0),
      'bridge fl-net lacks 10.87.1.1/24',
    ],
    [
      'the default route is gone',
      (world: World) => world.kernel.rtnetlink.deleteRoutes(),
      'route to 0.0.0.0/0 via 10.87.1.1',
    ],
    [
      'forwarding is off',
      (world: World) => world.kernel.files.set('/proc/sys/net/ipv4/ip_forward', '0'),
      'IPv4 forwarding is off',
    ],
  ])('%s: names that, and nothing else', async (_, spoil, wanted) => {
    const world = new World();
    const said = await findings(world, () => spoil(world));
    expect(said.startsWith(wanted)).toBe(true);
    expect(said).not.toContain(';');
  });

  it('names rules that are missing, and rules that are not asked for', async () => {
    const flushed = new World();
    expect(await findings(flushed, () => flushed.kernel.nft.flush())).toContain(
      'nft: table inet flatnet is missing (flatnetctl rules reload',
    );
    const world = new World();
    const prevResult = await world.add({ ...CONF, clampMSS: true });
    const checked = world.plugin.check({ ...world.request('CHECK'), prevResult });
    await expect(checked).rejects.toMatchObject({
      details: expect.stringMatching(/nft: chain clamp_\S+ of .* is not asked for/),
    });
  });

  it('says when the interface is gone', async () => {
    const world = new World();
    const said = await findings(world, () => world.kernel.rtnetlink.delete('', names.hostVeth));
    expect(said).toContain(`host end ${names.hostVeth} is missing`);
    expect(said).toContain('eth0 is missing');
  });
});
