import { describe, expect, it } from 'vitest';
import { confOf, portIn } from '../src/conf.ts';
import { entryIn, hostsFileOf } from '../src/hosts-file.ts';
import type { Entry, Zone } from '../src/model.ts';
import { nameFault } from '../src/name.ts';
import { question, readAnswer } from '../src/query.ts';
import { resolvFile } from '../src/resolv-file.ts';

describe('names', () => {
  it.each(['web', 'db_1', '1234', '_service', 'a.b', 'x'.repeat(63), 'a1b2c3', '10.0.0', '1.2.3.4.5'])(
    '%s is one',
    (name) => {
      expect(nameFault(name)).toBeUndefined();
    },
  );

  it.each([
    '',
    '.',
    'web.',
    '.web',
    'a..b',
    '-web',
    'web-',
    'we b',
    'we,b',
    'we#b',
    'we/b',
    'web\n',
    'web\0',
    'wéb',
    'Web',
    '10.0.0.1',
    'fd00::1',
    'x'.repeat(64),
    Array(64).fill('abc').join('.'),
  ])('%j is none', (name) => {
    expect(nameFault(name)).toMatch(/\w/);
  });
});

describe('the configuration of a server', () => {
  const zone = (more: Partial<Zone>): Zone => ({
    ...{ network: 'n', networkHash: 'a', bridge: 'br0', addresses: ['10.0.0.1'], subnets: ['10.0.0.0/24'] },
    ...{ domain: 'net', upstreams: 'host', ...more },
  });
  const conf = (...zones: readonly Partial<Zone>[]): string =>
    confOf({
      ...{
        zones: zones.map(zone),
        hosts: ['/h'],
        isPassable: true,
        pidFile: '/p',
        port: 5300,
        resolvFile: '/etc/resolv.conf',
      },
    });

  it('runs without rights where its files can be reached so', () => {
    expect(conf({})).toMatch(/^user=nobody$/m);
    const server = { zones: [zone({})], hosts: ['/h'], pidFile: '/p', port: 53, resolvFile: '/r' };
    expect(confOf({ ...server, isPassable: false })).toMatch(/^user=root$/m);
  });

  it('forwards to the host, to given resolvers, or nowhere', () => {
    expect(conf({ upstreams: 'host' })).toMatch(/^resolv-file=\/etc\/resolv.conf$/m);
    expect(conf({ upstreams: ['9.9.9.9', 'fd00::1'] })).toMatch(/^no-resolv\nserver=9.9.9.9\nserver=fd00::1$/m);
    const closed = conf({ upstreams: 'none' });
    expect(closed).toMatch(/^no-resolv\nlocal=\/#\/$/m);
    expect(closed).not.toMatch(/^server=/m);
    expect(portIn(closed)).toBe(5300);
    expect(portIn('port=x')).toBeUndefined();
  });

  it('of a view has the domain of each subnet, and asks where the first asks that asks at all', () => {
    const other = { bridge: 'br1', subnets: ['10.0.1.0/24', 'fd01::/64'], domain: 'other', upstreams: 'none' } as const;
    const view = conf(other, { upstreams: ['9.9.9.9'] });
    expect(view).toMatch(/^interface=br1\ninterface=br0$/m);
    expect(view).toMatch(
      /^domain=other,10.0.1.0\/24\ndomain=other,fd01::\/64\ndomain=net,10.0.0.0\/24\nlocal=\/other\/\nlocal=\/net\/$/m,
    );
    expect(view).toMatch(/^server=9.9.9.9$/m);
    expect(conf(other, { domain: 'other' })).toMatch(/^domain=other\nlocal=\/other\/\nexpand-hosts$/m);
  });

  it("reads what is behind systemd-resolved's stub, where that is all that the host asks", () => {
    const files = (host: string, behind?: string) => (path: string) =>
      path === '/etc/resolv.conf' ? host : path === '/run/systemd/resolve/resolv.conf' ? behind : undefined;
    const stub = 'search x\nnameserver 127.0.0.53\n';
    expect(resolvFile(files(stub, 'nameserver 192.0.2.1'))).toBe('/run/systemd/resolve/resolv.conf');
    expect(resolvFile(files(stub))).toBe('/etc/resolv.conf');
    expect(resolvFile(files(`${stub}nameserver 192.0.2.1\n`, ''))).toBe('/etc/resolv.conf');
    expect(resolvFile(files('nameserver 127.0.0.1', ''))).toBe('/etc/resolv.conf');
  });
});

it("an attachment's file holds its names, and whose they are", () => {
  const owner = { network: 'n', networkHash: 'a', hash: 'b', containerId: 'c', ifName: 'eth0' };
  const entry: Entry = {
    owner,
    netns: '/run/netns/"\n10.0.0.1 evil',
    addresses: ['10.0.0.2', 'fd00::2'],
    names: ['web', 'www'],
  };
  const text = hostsFileOf(entry);
  expect(text.split('\n').slice(1)).toEqual(['10.0.0.2 web www', 'fd00::2 web www', '']);
  expect(entryIn(text)).toEqual(entry);
  expect(entryIn('10.0.0.2 web\n')).toBeUndefined();
  expect(entryIn('# {torn')).toBeUndefined();
});

describe('a question', () => {
  /** An answer to it with one record of each: CNAME, A. */
  const answer = (id: number, flags: number): Uint8Array => {
    const asked = Buffer.from(question(id, 'web.net', 'A'));
    asked.writeUInt16BE(flags, 2);
    asked.writeUInt16BE(2, 6);
    const cname = Buffer.from([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 0, 0, 3, 1, 0x78, 0]);
    const a = Buffer.from([1, 0x78, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 0, 0, 2]);
    return Buffer.concat([asked, cname, a]);
  };

  it('has one name, recursion desired', () => {
    expect(Buffer.from(question(0x1234, 'web.n', 'AAAA')).toString('hex')).toBe(
      '1234010000010000000000000377656201' + '6e00001c0001',
    );
  });

  it('reads the addresses of its answer, and of no other message', () => {
    expect(readAnswer(answer(7, 0x8180), 7, 'A')).toEqual({ rcode: 0, addresses: ['10.0.0.2'] });
    expect(readAnswer(answer(7, 0x8183), 7, 'A')).toMatchObject({ rcode: 3 });
    expect(readAnswer(answer(8, 0x8180), 7, 'A')).toBeUndefined();
    expect(readAnswer(question(7, 'web.net', 'A'), 7, 'A')).toBeUndefined();
    expect(readAnswer(new Uint8Array(3), 7, 'A')).toBeUndefined();
  });

  it('survives every cut of a message', () => {
    const whole = answer(7, 0x8180);
    for (let length = 0; length < whole.length; length += 1) {
      expect(readAnswer(whole.subarray(0, length), 7, 'A')?.addresses ?? []).not.toContain('10.0.0.2');
    }
  });
});
