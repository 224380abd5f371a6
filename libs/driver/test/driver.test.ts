import { describe, expect, test } from 'vitest';
import { CniError } from '@flatnet/cni';
import { answerOf, chainOf, decodeAttachment, decodeDriverNetwork, decodeEnd } from '@flatnet/driver';

const network = {
  ...{ name: 'n2', id: 'ab', driver: 'flatnet', network_interface: 'flat7', internal: false, ipv6_enabled: false },
  ...{ dns_enabled: true, options: { mtu: '1400' }, ipam_options: null, routes: null, network_dns_servers: null },
  subnets: [{ gateway: '10.77.0.254', lease_range: null, subnet: '10.77.0.0/24' }],
};
const request = {
  ...{ container_id: 'c1', container_name: 'web', network },
  port_mappings: [{ container_port: 90, host_ip: '127.0.0.1', host_port: 9000, protocol: 'udp', range: 3 }],
  network_options: { aliases: ['foo'], interface_name: 'eth0', static_ips: null, static_mac: null, options: null },
};
const withNetwork = (extra: object): object => ({ ...request, network: { ...network, ...extra } });
const withOptions = (extra: object): object => ({
  ...request,
  network_options: { ...request.network_options, ...extra },
});

describe('the chain of a network', () => {
  test('has the plugins that the network needs, each with its part', () => {
    const { chain, attach } = decodeAttachment(request, '/run/netns/x');
    expect(chain).toEqual({
      name: 'n2',
      cniVersion: '1.1.0',
      plugins: [
        {
          ...{ type: 'flatnet', bridge: 'flat7', isGateway: true, isDefaultGateway: true, ipMasq: true, mtu: 1400 },
          ...{ hairpinMode: true, internal: false, capabilities: { ips: true, mac: true } },
          ipam: { type: 'flatnet-ipam', ranges: [[{ subnet: '10.77.0.0/24', gateway: '10.77.0.254' }]], routes: [] },
        },
        { type: 'flatnet-portmap', capabilities: { portMappings: true } },
        { type: 'flatnet-firewall', external: 'published', capabilities: { aliases: true } },
        { type: 'flatnet-dns', domainName: 'dns.podman', internal: false, capabilities: { aliases: true } },
      ],
    });
    expect(attach).toEqual({
      ...{ containerId: 'c1', ifName: 'eth0', netns: '/run/netns/x' },
      cniArgs: [
        ['IgnoreUnknown', '1'],
        ['K8S_POD_NAME', 'web'],
      ],
      capabilityArgs: {
        ips: [],
        aliases: { n2: ['foo'] },
        portMappings: [{ hostPort: 9000, containerPort: 90, protocol: 'udp', hostIP: '127.0.0.1', range: 3 }],
      },
    });
  });

  const typesOf = (extra: object): string[] =>
    chainOf(decodeDriverNetwork({ ...network, ...extra })).plugins.map(({ type }) => type.replace('flatnet-', ''));
  test.each([
    [{ internal: true, dns_enabled: false }, ['flatnet']],
    [{ internal: true, options: { isolate: 'true' } }, ['flatnet', 'firewall', 'dns']],
    [{ options: { external: 'open' }, dns_enabled: false }, ['flatnet', 'portmap']],
    [{ options: { limit_down: '10M' } }, ['flatnet', 'portmap', 'firewall', 'bandwidth', 'dns']],
    [{ ipam_options: { driver: 'none' }, subnets: [] }, ['flatnet']],
  ])('of %j is %j', (extra, types) => {
    expect(typesOf(extra)).toEqual(types);
  });

  test('a metric of the container wins over that of the network', () => {
    const main = decodeAttachment(withOptions({ options: { metric: '7' } }), '').chain.plugins[0];
    expect(main).toMatchObject({ defaultRoutePriority: 7 });
  });
});

test.each([
  [withNetwork({ options: { mtu: '67' } }), /option mtu is "67": give mtu=VALUE.*68 to 65535/],
  [withNetwork({ options: { mtu: '1279' }, ipv6_enabled: true }), /option mtu/],
  [withNetwork({ options: { vlan: '4095' } }), /option vlan.*1 to 4094/],
  [withNetwork({ options: { metric: '4294967296' } }), /option metric/],
  [withNetwork({ options: { isolate: 'maybe' } }), /true, false or strict/],
  [withNetwork({ options: { 'a b$(x)': '1' } }), /known options: mtu, vlan/],
  [withNetwork({ options: { limit_up: 'fast' } }), /a rate/],
  [withNetwork({ network_interface: 'a/b' }), /network_interface is "a\/b"/],
  [withNetwork({ ipam_options: { driver: 'dhcp' } }), /--ipam-driver "dhcp".*flatnet-ipam, host-local, none/],
  [withNetwork({ subnets: [{ subnet: '10.1.1.0' }] }), /subnet "10.1.1.0"/],
  [
    withNetwork({ subnets: [{ subnet: '10.1.1.0/24', gateway: '10.2.0.1' }] }),
    /gateway 10.2.0.1 is not in 10.1.1.0\/24/,
  ],
  [withNetwork({ routes: [{ destination: '10.0.0.0/8', route_type: 'blackhole' }] }), /of type "blackhole"/],
  [withOptions({ options: { speed: '1' } }), /:speed=.*metric/],
  [withOptions({ static_ips: ['10.78.0.1'] }), /in none of the subnets.*10.77.0.0\/24/],
  [withOptions({ static_ips: ['10.77.0.254'] }), /is the gateway of/],
  [withOptions({ static_ips: ['10.77.0.0'] }), /is the network address of/],
  [withOptions({ static_ips: ['10.77.0.255'] }), /is the broadcast address of/],
  [withOptions({ interface_name: '../x' }), /invalid interface name/],
  [{ ...request, container_id: 'a;b' }, /invalid container id/],
  [{ ...request, container_id: 7 }, /container_id is 7/],
  [{ ...request, port_mappings: [{ container_port: 0, host_port: 1 }] }, /port_mappings\[0\].container_port/],
  [{}, /container_id/],
  [[], /expected object/],
])('%j is refused with its field', (json, words) => {
  let error: unknown;
  try {
    decodeAttachment(json, '');
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(CniError);
  const { message, details } = error as CniError;
  expect(`${message}: ${details}`).toMatch(words);
});

describe('teardown', () => {
  test('goes by names where the network cannot be read any more', () => {
    const { chain, bridge } = decodeEnd(withNetwork({ options: { nonsense: 'x' }, subnets: 'gone' }));
    expect(bridge).toBe('flat7');
    expect(chain.plugins.map(({ type }) => type)).toHaveLength(5);
  });
  test('asks for the three names', () => {
    expect(() => decodeEnd({ container_id: 'c1' })).toThrow(CniError);
  });
});

test('the answer has the container end, and no gateway that the network does not name', () => {
  const read = decodeDriverNetwork({ ...network, dns_enabled: false, subnets: [{ subnet: '10.77.0.0/24' }] });
  const result = {
    interfaces: [{ name: 'flat7' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/x' }],
    ips: [{ address: '10.77.0.1/24', gateway: '169.254.0.1', interface: 1 }],
    ...{ routes: [], dns: { nameservers: ['1.1.1.1'] } },
  };
  expect(answerOf(result, 'eth0', read)).toEqual({
    interfaces: { eth0: { mac_address: '02:00:00:00:00:01', subnets: [{ ipnet: '10.77.0.1/24' }] } },
    ...{ dns_server_ips: [], dns_search_domains: [] },
  });
});
