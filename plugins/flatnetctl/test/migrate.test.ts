import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chainOf, decodeDriverNetwork } from '@flatnet/driver';
import { expect, test } from 'vitest';
import { decodeNetwork } from '../src/conflist/model.ts';
import { asDriverNetwork } from '../src/network/as-driver-network.ts';
import { fakeWorld } from './fake-world.ts';

const networkWith = (...plugins: readonly object[]) =>
  decodeNetwork({ cniVersion: '1.0.0', name: 'web', plugins }, 'a test');
const IPAM = { type: 'flatnet-ipam', ranges: [[{ subnet: '10.87.0.0/24', rangeStart: '10.87.0.9' }]] };

test('everything that both have a form for is the same on both sides', () => {
  const { document, lost } = asDriverNetwork(
    networkWith(
      { type: 'flatnet', bridge: 'br7', mtu: 1400, vlan: 9, defaultRoutePriority: 7, ipam: IPAM },
      { type: 'flatnet-portmap', capabilities: { portMappings: true } },
      { type: 'flatnet-firewall', ingressPolicy: 'strict' },
      { type: 'flatnet-bandwidth', ingressRate: 10_000_000 },
      { type: 'flatnet-dns', nameservers: ['9.9.9.9'], domainName: 'dns.podman' },
    ),
  );
  expect(lost).toEqual([]);
  expect(document).toMatchObject({
    network_interface: 'br7',
    subnets: [{ subnet: '10.87.0.0/24', gateway: '10.87.0.1', lease_range: { start_ip: '10.87.0.9' } }],
    options: { mtu: '1400', vlan: '9', metric: '7', isolate: 'strict', external: 'open', limit_down: '10000000' },
    dns_enabled: true,
    network_dns_servers: ['9.9.9.9'],
  });
  expect(chainOf(decodeDriverNetwork(document)).plugins.map(({ type }) => type)).toEqual(
    ['', '-portmap', '-firewall', '-bandwidth', '-dns'].map((name) => `flatnet${name}`),
  );
});

test('what Podman has no form for is named', () => {
  const { lost } = asDriverNetwork(
    networkWith(
      { type: 'flatnet', antiSpoof: true, ipMasq: false, ipam: { ...IPAM, dataDir: '/srv/leases' } },
      { type: 'flatnet-firewall', ingressPolicy: 'isolated', policies: [] },
      { type: 'flatnet-tuning', sysctl: {} },
    ),
  );
  expect(lost).toEqual([
    'flatnet antiSpoof=true',
    'flatnet ipMasq=false',
    'flatnet-firewall',
    'flatnet-tuning',
    'ipam dataDir="/srv/leases"',
  ]);
});

test('the file of Podman comes before the conflist goes, and an interrupted call is finished by the next', async () => {
  const { ctl, netDir, root } = fakeWorld();
  const to = join(root, 'networks');
  const conflist = join(netDir, 'web.conflist');
  await ctl('network', 'create', 'web', '--internal', '--label', 'tier=front');
  const dry = await ctl('network', 'migrate', 'web', '--to', to, '--dry-run');
  expect(dry.out).toBe(`would write ${to}/web.json\nwould remove ${conflist}\n`);
  expect(existsSync(to)).toBe(false);
  const text = readFileSync(conflist, 'utf8');
  expect(await ctl('network', 'migrate', 'web', '--to', to)).toMatchObject({ code: 0, out: 'web\n' });
  expect(existsSync(conflist)).toBe(false);
  const written = JSON.parse(readFileSync(join(to, 'web.json'), 'utf8'));
  expect(written).toMatchObject({ driver: 'flatnet', internal: true, labels: { tier: 'front' } });
  expect(written.id).toMatch(/^[0-9a-f]{64}$/);
  // As if the call had ended between both.
  writeFileSync(conflist, text);
  expect(await ctl('network', 'migrate', 'web', '--to', to)).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(join(to, 'web.json'), 'utf8'))).toEqual(written);
  expect(readdirSync(netDir)).toEqual([]);
});

test('a name that Podman has, keys that would be lost, and another main plugin are refused, and nothing is changed', async () => {
  const { ctl, netDir, root } = fakeWorld();
  const to = join(root, 'networks');
  mkdirSync(to);
  writeFileSync(join(to, 'web.json'), JSON.stringify({ name: 'web', driver: 'bridge' }));
  await ctl('network', 'create', 'web', '--opt', 'antiSpoof=true');
  const before = readFileSync(join(netDir, 'web.conflist'), 'utf8');
  expect((await ctl('network', 'migrate', 'web', '--to', to)).err).toMatch(
    /has no form for: .*antiSpoof=true[^]*--force/,
  );
  expect((await ctl('network', 'migrate', 'web', '--to', to, '--force')).err).toContain('web.json is another network');
  writeFileSync(join(netDir, 'm.conflist'), JSON.stringify({ name: 'm', plugins: [{ type: 'macvlan' }] }));
  expect((await ctl('network', 'migrate', 'm', '--to', to)).err).toContain('main plugin of');
  expect(readFileSync(join(netDir, 'web.conflist'), 'utf8')).toBe(before);
  expect(readdirSync(to)).toEqual(['web.json']);
});
