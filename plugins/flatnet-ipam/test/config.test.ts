import { describe, expect, test } from 'vitest';
import { decodeConfig } from '../src/config.ts';
import { decodeRaw } from '../src/schema.ts';
import { parseResolvConf } from '../src/resolv-conf.ts';

const decode = (ipam: object, rest: object = {}) =>
  decodeConfig({ cniVersion: '1.0.0', name: 'n', ipam, ...rest }, 'ADD', decodeRaw);
const setsOf = (ipam: object, rest: object = {}) => decode(ipam, rest).allocation?.sets.map(({ name }) => name);

describe('ranges', () => {
  test('defaults of a subnet', () => {
    const { sets } = decode({ subnet: '10.1.0.0/24' }).allocation!;
    expect(sets[0]?.name).toBe('10.1.0.1-10.1.0.254');
    expect(String(sets[0]?.ranges[0]?.gateway)).toBe('10.1.0.1');
    expect(setsOf({ subnet: 'fd00::/64' })).toEqual(['fd00::1-fd00::ffff:ffff:ffff:ffff']);
  });

  test('capability ranges, then the short form, then ranges', () => {
    const ipam = { subnet: '10.2.0.0/24', ranges: [[{ subnet: '10.3.0.0/24' }, { subnet: '10.4.0.0/24' }]] };
    const sets = setsOf(ipam, { runtimeConfig: { ipRanges: [[{ subnet: '10.1.0.0/24' }]] } });
    expect(sets).toEqual(['10.1.0.1-10.1.0.254', '10.2.0.1-10.2.0.254', '10.3.0.1-10.3.0.254,10.4.0.1-10.4.0.254']);
  });

  test('keys match whatever their case, as in Go', () => {
    expect(setsOf({ Subnet: '10.1.0.0/24', RANGESTART: '10.1.0.9' })).toEqual(['10.1.0.9-10.1.0.254']);
  });

  test.each([
    [{}, 'no IP ranges specified'],
    [{ ranges: [] }, 'no IP ranges specified'],
    [{ ranges: [[]] }, 'empty range set'],
    [{ subnet: '10.1.0.0/31' }, 'Network 10.1.0.0/31 too small to allocate from'],
    [{ subnet: '10.1.0.7/32' }, 'Network 10.1.0.7/32 too small to allocate from'],
    [{ subnet: 'fd00::/127' }, 'Network fd00::/127 too small to allocate from'],
    [
      { subnet: '10.1.0.5/24' },
      'Network has host bits set. For a subnet mask of length 24 the network address is 10.1.0.0',
    ],
    [
      { subnet: '10.1.0.0/24', rangeStart: '10.2.0.1' },
      'invalid range set 0: RangeStart 10.2.0.1 not in network 10.1.0.0/24',
    ],
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.8' }, 'is above'],
    [{ subnet: '10.1.0.0/24', gateway: 'fd00::1' }, 'not of the family'],
    [{ subnet: '10.1.0.0/24', gateway: '10.1.0.255' }, 'network or broadcast'],
    [{ subnet: '10.1.0.0/24', ranges: [[{ subnet: '10.1.0.0/25' }]] }, 'range set 0 overlaps with 1'],
    [{ ranges: [[{ subnet: '10.1.0.0/24' }, { subnet: 'fd00::/64' }]] }, 'mixed address families'],
    [{ ranges: [[{ subnet: '10.1.0.0/24' }, { subnet: '10.1.0.0/25' }]] }, 'overlap'],
  ])('refuses %j', (ipam, message) => {
    expect(() => decode(ipam)).toThrow(expect.objectContaining({ code: 7, message: expect.stringContaining(message) }));
  });

  const subnets = (count: number): object[] =>
    Array.from({ length: count }, (_, index) => ({ subnet: `10.${index >> 8}.${index & 255}.0/24` }));

  test('5,000 range sets are too many, which is said at once', { timeout: 1000 }, () => {
    const ranges = subnets(5000).map((range) => [range]);
    expect(() => decode({ ranges })).toThrow(
      expect.objectContaining({ code: 7, message: '5000 range sets are too many' }),
    );
  });

  test('an overlap among thousands is found, in a set and between sets', () => {
    const many = subnets(2000);
    const twice = [...many, { subnet: '10.3.7.0/25' }];
    expect(() => decode({ ranges: [twice] })).toThrow('subnets 10.3.7.1-10.3.7.254 and 10.3.7.1-10.3.7.126 overlap');
    const sets = [...subnets(900), { subnet: '10.3.7.0/25' }].map((range) => [range]);
    expect(() => decode({ ranges: sets })).toThrow('range set 775 overlaps with 900');
  });

  test('an empty text, or null, is as good as no key: Go writes them so', () => {
    const empty = { rangeStart: '', rangeEnd: '', gateway: '', resolvConf: '', dataDir: '', importFrom: '' };
    const { store, allocation } = decode(
      { subnet: '10.1.0.0/24', ...empty, ranges: null, routes: [{ dst: '0.0.0.0/0', gw: '' }] },
      { args: { cni: { ips: null } }, runtimeConfig: null },
    );
    expect(store).toEqual({ dataDir: '/run/cni/flatnet', cooldown: 0 });
    expect(allocation).toMatchObject({ routes: [{ dst: '0.0.0.0/0' }], requested: [] });
    expect(allocation).not.toHaveProperty('resolvConf');
    expect(String(allocation?.sets[0]?.ranges[0]?.gateway)).toBe('10.1.0.1');
  });

  test('two addresses of a family need cniVersion 0.3.0', () => {
    const ipam = { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.2.0.0/24' }]] };
    expect(() => decode(ipam, { cniVersion: '0.2.0' })).toThrow('does not support more than 1 address per family');
    expect(setsOf(ipam, { cniVersion: '0.3.0' })).toHaveLength(2);
  });
});

describe('own keys', () => {
  const subnet = '10.1.0.0/24';
  test.each([
    [{ exclude: ['10.1.0.300'] }],
    [{ exclude: ['10.1.0.9-10.1.0.3'] }],
    [{ exclude: ['10.1.0.3 - 10.1.0.9'] }],
    [{ exclude: [' 10.1.0.3'] }],
    [{ reserve: { db: '10.1.0.5 ' } }],
    [{ gateway: ' 10.1.0.9' }],
    [{ rangeStart: '10.1.0.9\n' }],
    [{ reserve: { db: '10.2.0.1' } }],
    [{ reserve: { db: '10.1.0.1' } }],
    [{ reserve: { db: '10.1.0.5', web: '10.1.0.5' } }],
    [{ stickyBy: 'mac' }],
    [{ cooldown: -1 }],
    [{ cooldown: 1e9 }],
    [{ cooldown: '5' }],
    [{ dataDir: 'relative' }],
    [{ importFrom: 'relative' }],
    [{ routes: [{ dst: 'default' }] }],
    [{ routes: [{ dst: '0.0.0.0/0', gw: '1.2.3' }] }],
    [{ routes: [{ dst: '0.0.0.0/0', gw: ' 10.1.0.1' }] }],
    [{ routes: [{ dst: '0.0.0.0/0', gw: 'fd00::1' }] }],
    [{ routes: [{ dst: '::/0', gw: '10.1.0.1' }] }],
    [{ routes: [{ dst: '::/0', gw: '::ffff:10.1.0.1' }] }],
  ])('refuses %j', (key) => {
    expect(() => decode({ subnet, ...key })).toThrow(expect.objectContaining({ code: 7 }));
  });

  test('an IPv4-mapped address is the IPv4 address, in every key', () => {
    const mapped = {
      ...{ subnet: '::ffff:10.1.0.0/120', rangeStart: '::ffff:10.1.0.9', rangeEnd: '::ffff:a01:14' },
      ...{ gateway: '::ffff:10.1.0.2', exclude: ['::ffff:10.1.0.10', '::ffff:10.1.0.12-::ffff:10.1.0.13'] },
      ...{ reserve: { db: '::ffff:10.1.0.15' } },
      routes: [{ dst: '::ffff:10.9.0.0/112', gw: '::ffff:10.1.0.3' }, { dst: 'FD00::/8' }],
    };
    const plain = {
      ...{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.20' },
      ...{ gateway: '10.1.0.2', exclude: ['10.1.0.10', '10.1.0.12-10.1.0.13'] },
      ...{ reserve: { db: '10.1.0.15' } },
      routes: [{ dst: '10.9.0.0/16', gw: '10.1.0.3' }, { dst: 'fd00::/8' }],
    };
    const asked = (ip: string) => ({ runtimeConfig: { ips: [ip] }, args: { cni: { ips: [ip] } } });
    expect(decode(mapped, asked('::ffff:10.1.0.11/120'))).toEqual(decode(plain, asked('10.1.0.11/24')));
  });

  test('a MAC has one spelling', () => {
    const { reserve } = decode({ subnet, reserve: { '02:AA:00:00:00:01': '10.1.0.5' } }).allocation!;
    expect([...reserve.keys()]).toEqual(['02:aa:00:00:00:01']);
  });
});

test('DEL and GC need no valid configuration, and find what they need in a broken one', () => {
  for (const verb of ['DEL', 'GC'] as const) {
    expect(decodeConfig({}, verb).store.dataDir).toBe('/run/cni/flatnet');
    expect(decodeConfig({ ipam: 7 }, verb).store.dataDir).toBe('/run/cni/flatnet');
    const broken = { subnet: 'x', cooldown: 'x', ranges: {}, DataDir: '/data' };
    expect(decodeConfig({ ipam: broken, args: 9 }, verb)).toEqual({ store: { dataDir: '/data', cooldown: 0 } });
  }
});

test('resolv.conf', () => {
  const text =
    '# c\n; c\nnameserver 1.1.1.1\n nameserver\t::1 \ndomain a.b\nsearch x y\nsearch z\noptions ndots:5 rotate\nnameserver\nfoo bar\n';
  expect(parseResolvConf(text)).toEqual({
    nameservers: ['1.1.1.1', '::1'],
    domain: 'a.b',
    search: ['x', 'y', 'z'],
    options: ['ndots:5', 'rotate'],
  });
});
