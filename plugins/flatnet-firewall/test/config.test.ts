import { FakeKernel } from '@flatnet/kernel/testing';
import { describe, expect, it } from 'vitest';
import { decodeConfig } from '../src/config.ts';
import { linkLocalOf } from '../src/link-local.ts';
import { decodeRaw } from '../src/schema.ts';
import { wantedOf } from '../src/wanted.ts';

const decode = (json: object) => decodeConfig({ name: 'net', ...json }, 'ADD', decodeRaw);
const policy = (more: object) => ({ policies: [more] });
const peer = (value: unknown) => policy({ ingress: [{ from: [value] }] });
const port = (value: unknown) => policy({ ingress: [{ ports: [value] }] });
const refused = (field: string) =>
  expect.objectContaining({ code: 7, details: expect.stringContaining(field) as string }) as Error;

describe('what means nothing is refused with its field', () => {
  it.each<[string, object]>([
    ['ingressPolicy: "closed" is unknown', { ingressPolicy: 'closed' }],
    ['ingressPolicy', { ingressPolicy: 1 }],
    ['external: "none" is unknown', { external: 'none' }],
    ['backend: "ebtables" is unknown', { backend: 'ebtables' }],
    ['firewalldZone', { firewalldZone: 'a zone; reboot' }],
    ['allowNetworks[0]', { allowNetworks: ['a b'] }],
    ['allowNetworks', { allowNetworks: 'b' }],
    ['isolatePublished', { isolatePublished: 'yes' }],
    ['policies: "x" is no list', { policies: 'x' }],
    ['policies[0]: 7 is no object', policy(7 as never)],
    ['policies[0]: it closes no direction', policy({ containers: ['web'] })],
    ['policies[0].ingres: unknown key', policy({ ingres: [] })],
    ['policies[0].policyTypes[0]: "Inside" is unknown', policy({ policyTypes: ['Inside'] })],
    ['policies[0].policyTypes: the list is empty', policy({ policyTypes: [] })],
    ['policies[0].egress: policyTypes leaves Egress open', policy({ policyTypes: ['Ingress'], egress: [] })],
    ['policies[0].name', policy({ name: 'a b', ingress: [] })],
    ['policies[0].containers[0]', policy({ containers: ['a*b'], ingress: [] })],
    ['policies[0].containers[0]', policy({ containers: [''], ingress: [] })],
    [
      'policies[1].name: a second policy is named x',
      {
        policies: [
          { name: 'x', ingress: [] },
          { name: 'x', egress: [] },
        ],
      },
    ],
    ['policies[0].ingress[0].to: unknown key', policy({ ingress: [{ to: [] }] })],
    ['policies[0].ingress[0].from: the list is empty', policy({ ingress: [{ from: [] }] })],
    ['policies[0].ingress[0].ports: the list is empty', policy({ ingress: [{ ports: [] }] })],
    ['policies[0].ingress[0].from[0]: it has 0 of', peer({})],
    ['policies[0].ingress[0].from[0]: it has 2 of', peer({ container: 'a', network: 'b' })],
    ['policies[0].ingress[0].from[0].container', peer({ container: 'a*b' })],
    ['policies[0].ingress[0].from[0].network', peer({ network: 'b; drop' })],
    ['policies[0].ingress[0].from[0].entity: "world" is unknown', peer({ entity: 'world' })],
    ['policies[0].ingress[0].from[0].entity: dns is where', peer({ entity: 'dns' })],
    ['policies[0].ingress[0].from[0].ipBlock.cidr', peer({ ipBlock: {} })],
    [
      'policies[0].ingress[0].from[0].ipBlock.cidr: "10.0.0.1/8" has host bits; write 10.0.0.0/8',
      peer({ ipBlock: { cidr: '10.0.0.1/8' } }),
    ],
    ['policies[0].ingress[0].from[0].ipBlock.cidr', peer({ ipBlock: { cidr: '10.0.0.0' } })],
    [
      'policies[0].ingress[0].from[0].ipBlock.except[0]',
      peer({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }),
    ],
    [
      'policies[0].ingress[0].from[0].ipBlock.except[0]',
      peer({ ipBlock: { cidr: '10.0.0.0/8', except: ['0.0.0.0/0'] } }),
    ],
    [
      'policies[0].ingress[0].from[0].ipBlock.except[0]',
      peer({ ipBlock: { cidr: '10.0.0.0/8', except: ['fd00::/64'] } }),
    ],
    ['policies[0].ingress[0].ports[0].protocol: "ICMP" is unknown', port({ protocol: 'ICMP', port: 1 })],
    ['policies[0].ingress[0].ports[0].port: 0', port({ port: 0 })],
    ['policies[0].ingress[0].ports[0].port: 65536', port({ port: 65536 })],
    ['policies[0].ingress[0].ports[0].port: "http"', port({ port: 'http' })],
    ['policies[0].ingress[0].ports[0].endPort: 1 is lower than port 2', port({ port: 2, endPort: 1 })],
    ['policies[0].ingress[0].ports[0].endPort: it has no port', port({ endPort: 1 })],
    ['policies[0].ingress[0].ports[0].Port: port is given twice', port({ port: 1, Port: 2 })],
  ])('%s', (field, json) => {
    expect(() => decode(json)).toThrow(refused(field));
  });
});

it('keys and words may be in any case, and empty texts are absent', () => {
  const { policies, ...rest } = decode({
    ...{ IngressPolicy: 'Same-Bridge', EXTERNAL: 'Published', backend: '', firewalldZone: '' },
    Policies: [
      { PolicyTypes: ['egress'], EGRESS: [{ To: [{ Entity: 'DNS' }], Ports: [{ Protocol: 'udp', PORT: 53 }] }] },
    ],
  });
  expect(rest).toMatchObject({ ingressPolicy: 'same-bridge', external: 'published' });
  expect(policies).toEqual([
    { egress: [{ peers: [{ entity: 'dns' }], ports: [{ protocol: 'udp', first: 53, last: 53 }] }] },
  ]);
});

it('DEL and GC need nothing of the configuration', () => {
  for (const verb of ['DEL', 'GC'] as const)
    expect(decodeConfig({ policies: 7 }, verb)).toMatchObject({ policies: [] });
});

const request = (json: object, { args = {}, interfaces = [] as object[] } = {}) =>
  ({
    config: decode(json),
    network: 'net',
    attachment: { containerId: 'c', ifName: 'eth0' },
    netns: '/run/netns/c',
    args: new Map(Object.entries({ K8S_POD_NAME: 'web', ...args })),
    prevResult: {
      cniVersion: '1.1.0',
      interfaces,
      ips: [{ address: '10.1.0.2/24', interface: 1 }],
      routes: [],
      dns: {},
    },
  }) as never;
const bridged = (): FakeKernel => {
  const kernel = new FakeKernel();
  kernel.rtnetlink.add('', 'br0', 'bridge');
  return kernel;
};
const INTERFACES = [{ name: 'br0' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/c' }];

it.each([
  ['isolation', { ingressPolicy: 'same-bridge' }],
  ['external', { external: 'published' }],
  ['policies', policy({ ingress: [] })],
])('%s without a bridge is refused, and nothing to do is passed through', (_what, json) => {
  expect(() => wantedOf(new FakeKernel(), request(json))).toThrow(refused('chain it behind flatnet or bridge'));
  expect(wantedOf(new FakeKernel(), request({})).rules).toBeUndefined();
});

it.each([
  ['FLATNET_POLICY', { args: { FLATNET_POLICY: 'a,nosuch' } }, {}],
  ['args.cni.policies', {}, { args: { cni: { policies: ['nosuch'] } } }],
  [
    'annotation flatnet/policy',
    {},
    { runtimeConfig: { 'io.kubernetes.cri.pod-annotations': { 'flatnet/policy': 'a, nosuch' } } },
  ],
])('a policy that %s names and the network does not have is refused', (source, more, json) => {
  const policies = [{ name: 'a', containers: [], egress: [] }];
  const of = (extra: object) =>
    wantedOf(bridged(), request({ ...extra, ...json }, { interfaces: INTERFACES, ...more }));
  expect(() => of({ policies })).toThrow(refused(`${source}: network net has no policy "nosuch"`));
  expect(() => of({})).toThrow(refused(source));
});

it('addresses are those of the interface, and the link-local one of its MAC', () => {
  const { rules } = wantedOf(bridged(), request({}, { interfaces: INTERFACES }));
  expect(rules!.attachment).toMatchObject({
    bridge: 'br0',
    addresses: ['10.1.0.2', 'fe80::ff:fe00:1'],
    names: ['web'],
  });
  expect(linkLocalOf('52:54:00:12:34:56')).toBe('fe80::5054:ff:fe12:3456');
});
