import type { AddResult } from '@flatnet/cni';
import { portsOf } from '@flatnet/hostport';
import { describe, expect, it } from 'vitest';
import { decodeConfig } from '../src/config.ts';
import { decodeRaw } from '../src/schema.ts';
import { outboundRules } from '../src/outbound.ts';
import { planOf } from '../src/plan.ts';

const RESULT: AddResult = {
  interfaces: [{ name: 'br0' }, { name: 'eth0', sandbox: '/run/netns/one' }],
  ips: [
    { address: '10.9.0.2/24', interface: 1 },
    { address: 'fd09::2/64', interface: 1 },
  ],
  routes: [],
  dns: {},
};
const ONE = { containerId: 'one', ifName: 'eth0' };
const plan = (portMappings: readonly unknown[], extra: object = {}, result = RESULT) =>
  planOf(
    'net',
    ONE,
    decodeConfig({ ...extra, runtimeConfig: { portMappings } }, 'ADD', decodeRaw),
    result,
    () => 'br0',
  );
const refusal = (portMappings: readonly unknown[], extra: object = {}): string => {
  try {
    plan(portMappings, extra);
  } catch (error) {
    return `${(error as { code: number }).code} ${(error as { details: string }).details}`;
  }
  return 'accepted';
};

describe('planOf', () => {
  it('publishes on every family that the container has, and only there', () => {
    const both = plan([{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]);
    expect(both.publications.map(({ family, address }) => [family, address])).toEqual([
      [4, '10.9.0.2'],
      [6, 'fd09::2'],
    ]);
    const four = plan([{ hostPort: 8080, containerPort: 80, hostIP: '0.0.0.0' }]);
    expect(four.publications.map(({ family, hostIp }) => [family, hostIp])).toEqual([[4, undefined]]);
  });

  it('merges the expanded range of a runtime, in any order, and leaves gaps and shifts apart', () => {
    const range = Array.from({ length: 1000 }, (_, i) => ({
      hostPort: 9000 + ((i * 7) % 1000),
      containerPort: 9000 + ((i * 7) % 1000),
      protocol: 'TCP',
    }));
    const merged = plan(
      [...range, { hostPort: 10_000, containerPort: 80 }],
      {},
      { ...RESULT, ips: RESULT.ips.slice(0, 1) },
    );
    expect(merged.publications.map(({ hostPort, count }) => [hostPort, count])).toEqual([
      [9000, 1000],
      [10_000, 1],
    ]);
    expect(portsOf(merged.publications)).toHaveLength(1001);
  });

  it('takes the same mapping twice as one, and refuses two meanings of one port', () => {
    const once = { hostPort: 1, containerPort: 2, hostIP: '192.0.2.1' };
    expect(plan([once, once]).publications).toHaveLength(1);
    expect(refusal([once, { ...once, containerPort: 3 }])).toContain('7 two entries');
    expect(refusal([once, { hostPort: 1, containerPort: 3 }])).toContain('on all addresses for another');
  });

  it.each([
    [[{ hostPort: 0, containerPort: 80 }], 'runtimeConfig.portMappings[0].hostPort is 0: must be at least 1'],
    [[{ hostPort: 65536, containerPort: 80 }], 'hostPort is 65536: must be at most 65535'],
    [[{ hostPort: -1, containerPort: 80 }], 'hostPort is -1'],
    [[{ hostPort: 80, containerPort: 80, protocol: 'tcp;x' }], 'expected one of tcp, udp, sctp'],
    [[{ hostPort: 80, containerPort: 80, hostIP: '1.2.3.4; flush ruleset' }], 'is not an IP address'],
    [[{ hostPort: 80, containerPort: 80, hostIP: 'fe80::1%eth0' }], 'has a zone'],
    [[{ hostPort: 80, containerPort: 80, hostIP: '::1' }], 'publish on another address'],
    [[{ hostPort: 80, containerPort: 80, hostIP: '224.0.0.1' }], 'not an address of a host'],
    [[{ hostPort: 65535, containerPort: 80, range: 2 }], 'above 65535'],
  ])('refuses %j', (mappings, words) => {
    expect(refusal(mappings)).toContain(words);
  });

  it('refuses a host address of a family that the container does not have', () => {
    const four = { ...RESULT, ips: RESULT.ips.slice(0, 1) };
    expect(() => plan([{ hostPort: 80, containerPort: 80, hostIP: 'fd00::1' }], {}, four)).toThrow(
      'invalid configuration',
    );
  });

  it('takes of defaultHostIP what the families of the container need, and refuses it when that is nothing', () => {
    const four = { ...RESULT, ips: RESULT.ips.slice(0, 1) };
    const web = { hostPort: 80, containerPort: 80 };
    const { publications } = plan([web], { defaultHostIP: ['127.0.0.1', 'fd00::1'] }, four);
    expect(publications.map(({ hostIp }) => hostIp)).toEqual(['127.0.0.1']);
    expect(() => plan([web], { defaultHostIP: 'fd00::1' }, four)).toThrow(
      expect.objectContaining({
        code: 7,
        details: 'defaultHostIP is of IPv6, and the container has no address of that family',
      }),
    );
  });

  it.each(['10.9.0.2', '10.9.0.2/33', '10.9.0.2/24; flush ruleset'])(
    'refuses a prevResult with address %s',
    (address) => {
      const broken = { ...RESULT, ips: [RESULT.ips[1]!, { address, interface: 1 }] };
      expect(() => plan([{ hostPort: 80, containerPort: 80 }], {}, broken)).toThrow(
        expect.objectContaining({ code: 7, details: expect.stringContaining('prevResult.ips[1].address') }),
      );
    },
  );

  it.each([
    [{ conditionsV4: ['-s', '10.0.0.0/8'] }, 'conditionsV4'],
    [{ externalSetMarkChain: 'KUBE-MARK-MASQ' }, 'externalSetMarkChain'],
    [{ backend: 'ebpf' }, 'always uses nftables'],
    [{ allowFrom: 'nonsense' }, 'allowFrom'],
    [{ allowFrom: [] }, 'nobody could connect'],
    [{ markMasqBit: 32 }, 'markMasqBit is 32'],
    [{ ipMasq: true, snatAddress: 'x' }, 'snatAddress: "x" is not an IP address'],
    [{ ipMasq: true, snatAddress: '192.0.2.0/24' }, 'snatAddress'],
    [{ ipMasq: true, snatAddress: '0.0.0.0' }, 'not an address of a host'],
    [{ ipMasq: true, snatAddress: ['192.0.2.1', '192.0.2.2'] }, 'two addresses of one family'],
    [{ snatAddress: '192.0.2.1' }, 'without ipMasq'],
  ])('refuses %j', (extra, words) => {
    expect(refusal([{ hostPort: 80, containerPort: 80 }], extra)).toContain(words);
  });

  it('takes keys of the reference that it needs not, and empty texts and nulls as not given', () => {
    const accepted = { markMasqBit: 13, backend: 'iptables', conditionsV4: [], conditionsV6: null };
    const empty = {
      externalSetMarkChain: '',
      snat: null,
      snatAddress: '',
      defaultHostIP: '',
      dataDir: '',
    };
    const mapping = { HostPort: 80, containerPort: 80, protocol: null, hostIP: '' };
    expect(plan([mapping], { ...accepted, ...empty })).toEqual(plan([{ hostPort: 80, containerPort: 80 }]));
  });

  it('opens the way from 127.0.0.1 only where snat can bring answers back', () => {
    expect(plan([{ hostPort: 80, containerPort: 80 }]).localInterface).toBe('br0');
    expect(plan([{ hostPort: 80, containerPort: 80 }], { snat: false })).toMatchObject({ hairpins: [] });
    expect(plan([{ hostPort: 80, containerPort: 80 }], { snat: false }).localInterface).toBeUndefined();
    expect(refusal([{ hostPort: 80, containerPort: 80, hostIP: '127.0.0.1' }], { snat: false })).toContain(
      'needs snat',
    );
  });

  it('masquerades published flows from the subnet, or all', () => {
    expect(plan([{ hostPort: 80, containerPort: 80 }]).hairpins.map(({ from }) => from)).toEqual([
      '10.9.0.0/24',
      'fd09::/64',
    ]);
    expect(plan([{ hostPort: 80, containerPort: 80 }], { masqAll: true }).hairpins[0]?.from).toBe('all');
  });

  it('listens on defaultHostIP where the mapping says nothing, and gives each family its part of allowFrom', () => {
    const { publications } = plan([{ hostPort: 80, containerPort: 80 }], {
      defaultHostIP: ['127.0.0.1', '::'],
      allowFrom: ['10.1.2.3/8', 'fd00::/8'],
    });
    expect(publications.map(({ hostIp, allowFrom }) => [hostIp, allowFrom])).toEqual([
      ['127.0.0.1', ['10.0.0.0/8']],
      [undefined, ['fd00::/8']],
    ]);
  });

  it('reads an IPv4-mapped address as IPv4, in every key and in prevResult', () => {
    const mapping = { hostPort: 80, containerPort: 80 };
    const mapped = { ...RESULT, ips: [{ interface: 1, address: '::ffff:10.9.0.2/120' }, ...RESULT.ips.slice(1)] };
    const allowed = plan([{ ...mapping, allowFrom: ['::ffff:192.0.2.9', '::ffff:198.51.100.0/120'] }]).publications;
    expect(allowed[0]).toMatchObject({ family: 4, allowFrom: ['192.0.2.9/32', '198.51.100.0/24'] });
    for (const hostIP of ['::ffff:192.0.2.1', '::ffff:c000:201']) {
      expect(plan([{ ...mapping, hostIP }]).publications).toEqual(
        plan([{ ...mapping, hostIP: '192.0.2.1' }]).publications,
      );
      expect(plan([mapping], { defaultHostIP: hostIP }, mapped).publications).toMatchObject([
        { family: 4, hostIp: '192.0.2.1', address: '10.9.0.2' },
      ]);
    }
    expect(
      plan([{ ...mapping, hostIP: '::ffff:0.0.0.0' }]).publications.map(({ family, hostIp }) => [family, hostIp]),
    ).toEqual([[4, undefined]]);
    const snat = decodeConfig({ ipMasq: true, snatAddress: ['::ffff:192.0.2.7'] }, 'ADD').snatAddresses;
    expect(snat.map(String)).toEqual(['192.0.2.7']);
  });
});

it('outboundRules: the addresses of the container and their subnets, with fixed source addresses where given', () => {
  const config = decodeConfig({ ipMasq: true, snatAddress: '192.0.2.7' }, 'ADD');
  expect(outboundRules(plan([]).owner, config, RESULT).masquerade).toEqual({
    addresses: ['10.9.0.2', 'fd09::2'],
    subnets: ['10.9.0.0/24', 'fd09::/64'],
    snat4: '192.0.2.7',
  });
  expect(outboundRules(plan([]).owner, { ...config, ipMasq: false }, RESULT)).not.toHaveProperty('masquerade');
});

it('DEL and GC read a configuration that ADD would refuse', () => {
  const broken = { dataDir: '/d', runtimeConfig: { portMappings: [{ hostPort: 'x' }] }, allowFrom: 7 };
  expect(decodeConfig(broken, 'DEL')).toMatchObject({ dataDir: '/d', mappings: [] });
  expect(decodeConfig({ runtimeConfig: 7 }, 'DEL')).toMatchObject({ mappings: [] });
});
