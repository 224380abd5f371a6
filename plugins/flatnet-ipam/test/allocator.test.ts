import { beforeEach, describe, expect, test } from 'vitest';
import { parseIp } from '@flatnet/addressing';
import { FakeStore } from '@flatnet/store/testing';
import { chooseAddresses, type Wish } from '../src/allocator.ts';
import { decodeConfig } from '../src/config.ts';

let store: FakeStore;
beforeEach(() => {
  store = new FakeStore();
});

const wish = (ipam: object, more: Partial<Wish> & { ips?: string[] } = {}): Wish => {
  const { store, allocation } = decodeConfig({ cniVersion: '1.0.0', ipam }, 'ADD');
  const { ips, ...rest } = more;
  return { allocation: allocation!, requested: (ips ?? []).map(parseIp), cooldown: store.cooldown, ...rest };
};

const add = async (containerId: string, asked: Wish): Promise<string[]> => {
  const { lease } = await store.claim({
    network: 'n',
    attachment: { containerId, ifName: 'eth0' },
    ...(asked.name === undefined ? {} : { name: asked.name }),
    remember: asked.allocation.stickyBy !== undefined,
    choose: (view) => chooseAddresses(asked, view),
    isAbandoned: () => false,
  });
  return lease.ips.map(String);
};
const del = (containerId: string, cooling = false) => store.release({ containerId, ifName: 'eth0' }, cooling);

const SMALL = { subnet: '10.1.0.0/29' };

describe('the pool', () => {
  test('next fit: the address after the last given, around the end', async () => {
    const given: string[] = [];
    for (const id of ['a', 'b', 'c', 'd']) given.push(...(await add(id, wish(SMALL))));
    del('a');
    given.push(...(await add('e', wish(SMALL))), ...(await add('f', wish(SMALL))));
    expect(given).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6', '10.1.0.2']);
    await expect(add('g', wish(SMALL))).rejects.toMatchObject({ code: 101 });
    del('c');
    expect(await add('g', wish(SMALL))).toEqual(['10.1.0.4']);
  });

  test('never network, broadcast, any gateway, nor what is excluded, even if the range is stretched over them', async () => {
    const ipam = {
      ranges: [[{ subnet: '10.1.0.0/29', rangeStart: '10.1.0.0', rangeEnd: '10.1.0.7', gateway: '10.1.0.3' }]],
      exclude: ['10.1.0.1-10.1.0.2', '10.1.0.6'],
    };
    expect([await add('a', wish(ipam)), await add('b', wish(ipam))].flat()).toEqual(['10.1.0.4', '10.1.0.5']);
    await expect(add('c', wish(ipam))).rejects.toThrow('no IP addresses available in range set: 10.1.0.0-10.1.0.7');
  });

  test('a set of several ranges is one pool; each set gives one address', async () => {
    const pool = [{ subnet: '10.1.0.0/30' }, { subnet: '10.2.0.0/30' }];
    const ipam = { ranges: [pool, [{ subnet: 'fd00::/64' }]] };
    expect(await add('a', wish(ipam))).toEqual(['10.1.0.2', 'fd00::2']);
    expect(await add('b', wish(ipam))).toEqual(['10.2.0.2', 'fd00::3']);
  });

  test('a cursor outside the range is ignored', async () => {
    await add('a', wish({ subnet: '10.1.0.0/24', rangeStart: '10.1.0.200' }));
    expect(await add('b', wish({ subnet: '10.1.0.0/24', rangeStart: '10.1.0.50', rangeEnd: '10.1.0.60' }))).toEqual([
      '10.1.0.50',
    ]);
  });

  test('a released address cools down', async () => {
    const ipam = { subnet: '10.1.0.0/30', cooldown: 60 };
    await add('a', wish(ipam));
    del('a', true);
    store.now = 59;
    await expect(add('b', wish(ipam))).rejects.toMatchObject({ code: 11 });
    store.now = 60;
    expect(await add('b', wish(ipam))).toEqual(['10.1.0.2']);
  });
});

describe('asking for an address', () => {
  test.each([
    ['10.1.0.1', "requested ip 10.1.0.1 is subnet's gateway"],
    ['10.1.0.0', 'network or broadcast'],
    ['10.1.0.7', 'network or broadcast'],
    ['10.9.0.1', 'failed to allocate all requested IPs: 10.9.0.1'],
    ['fd00::5', 'failed to allocate all requested IPs: fd00::5'],
    ['10.1.0.5', 'is excluded'],
    ['10.1.0.6', 'is reserved'],
  ])('%s is refused and named', async (ip, message) => {
    const ipam = {
      ...SMALL,
      rangeStart: '10.1.0.0',
      rangeEnd: '10.1.0.7',
      exclude: ['10.1.0.5'],
      reserve: { db: '10.1.0.6' },
    };
    await expect(add('a', wish(ipam, { ips: [ip] }))).rejects.toThrow(message);
    expect(store.leases.size).toBe(0);
  });

  test('one that is taken is refused with its owner', async () => {
    await add('holder', wish(SMALL, { ips: ['10.1.0.4'] }));
    await expect(add('b', wish(SMALL, { ips: ['10.1.0.4'] }))).rejects.toMatchObject({
      code: 100,
      message: 'requested IP address 10.1.0.4 is not available in range set 10.1.0.1-10.1.0.6',
      details: expect.stringContaining('container holder, interface eth0, network n, since 2026'),
    });
  });

  test('two of one set are one too many; one of each is right, in any order', async () => {
    await expect(add('a', wish(SMALL, { ips: ['10.1.0.4', '10.1.0.5'] }))).rejects.toThrow(
      'all requested IPs: 10.1.0.5',
    );
    const dual = { ranges: [[SMALL], [{ subnet: 'fd00::/64' }]] };
    expect(await add('a', wish(dual, { ips: ['fd00::9', '10.1.0.4', '10.1.0.4'] }))).toEqual(['10.1.0.4', 'fd00::9']);
  });
});

test('thousands of ranges, sets, reserved and excluded addresses cost little', { timeout: 15_000 }, async () => {
  const subnets = Array.from({ length: 5000 }, (_, index) => ({ subnet: `10.${index >> 8}.${index & 255}.0/24` }));
  const reserve = Object.fromEntries(subnets.map((_, index) => [`c${index}`, `10.${index >> 8}.${index & 255}.2`]));
  const exclude = subnets.map((_, index) => `10.${index >> 8}.${index & 255}.3-10.${index >> 8}.${index & 255}.9`);
  expect(await add('one set', wish({ ranges: [subnets], reserve, exclude }))).toEqual(['10.0.0.10']);
  const sets = await add('sets', wish({ ranges: subnets.slice(1, 1001).map((range) => [range]), exclude }));
  expect([sets.length, sets[0], sets[999]]).toEqual([1000, '10.0.1.2', '10.3.232.2']);
});

describe('names', () => {
  test('a reserved address goes to its name or MAC, and to nobody else', async () => {
    const ipam = { subnet: '10.1.0.0/30', rangeEnd: '10.1.0.2', reserve: { '02:00:00:00:00:01': '10.1.0.2' } };
    await expect(add('a', wish(ipam))).rejects.toMatchObject({ code: 101 });
    expect(await add('a', wish(ipam, { mac: '02:00:00:00:00:01' }))).toEqual(['10.1.0.2']);
    await expect(add('b', wish(ipam, { mac: '02:00:00:00:00:01' }))).rejects.toMatchObject({ code: 100 });
  });

  test('a reserved address outside of the range is given when it is asked for, to nobody else', async () => {
    const ipam = { subnet: '10.1.0.0/24', rangeEnd: '10.1.0.100', reserve: { db: '10.1.0.200' } };
    await expect(add('a', wish(ipam, { ips: ['10.1.0.200'] }))).rejects.toThrow('is reserved');
    await expect(add('a', wish(ipam, { ips: ['10.1.0.201'] }))).rejects.toThrow('all requested IPs: 10.1.0.201');
    expect(await add('a', wish(ipam, { name: 'db', ips: ['10.1.0.200'] }))).toEqual(['10.1.0.200']);
    await expect(add('b', wish(ipam, { name: 'db', ips: ['10.1.0.200'] }))).rejects.toMatchObject({ code: 100 });
  });

  test('a container re-created under its name gets its old address while it is free', async () => {
    const ipam = { ...SMALL, stickyBy: 'name', cooldown: 60 };
    expect(await add('a', wish(ipam, { name: 'web' }))).toEqual(['10.1.0.2']);
    del('a', true);
    expect(await add('b', wish(ipam, { name: 'other' }))).toEqual(['10.1.0.3']);
    expect(await add('c', wish(ipam, { name: 'web' }))).toEqual(['10.1.0.2']);
    expect(await add('d', wish(ipam, { name: 'web' }))).toEqual(['10.1.0.4']);
  });
});
