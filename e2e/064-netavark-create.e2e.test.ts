// `create` of the netavark driver as Podman 5 and 6 call it: what is chosen, what is refused, and that nothing is changed.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '@flatnet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { idOf, NetavarkLab } from './netavark-lab.ts';

const host = useSandbox();
let lab: NetavarkLab;
const base = { id: idOf('n1'), driver: 'flatnet', dns_enabled: false, internal: false, ipv6_enabled: false };

beforeAll(async () => {
  lab = await NetavarkLab.open(host.sandbox);
  await host.sandbox.must('ip', ['link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1']);
  await host.sandbox.must('ip', ['address', 'add', '10.87.0.9/24', 'dev', 'lan0']);
  await host.sandbox.must('ip', ['link', 'set', 'lan0', 'up']);
});

/** The one error of a refused call. */
const refusal = async (wish: Json, env: Readonly<Record<string, string>> = {}): Promise<string> => {
  const result = await lab.call(['create'], { name: 'n1', ...base, ...wish }, env);
  expect(result, result.stdout).toMatchObject({ exitCode: 1 });
  const answer = JSON.parse(result.stdout) as { error: string };
  expect(Object.keys(answer)).toEqual(['error']);
  return answer.error;
};
const created = async (wish: Json): Promise<Json> => {
  const network = await lab.create('n1', wish);
  lab.remove('n1');
  return network;
};

it('chooses what is free beside networks of Podman, conflists, routes and addresses of the host', async () => {
  const conflists = join(host.sandbox.folder, 'net.d');
  mkdirSync(conflists);
  writeFileSync(
    join(conflists, 'x.conflist'),
    JSON.stringify({ name: 'cni', plugins: [{ type: 'bridge', ipam: { ranges: [[{ subnet: '10.87.1.0/24' }]] } }] }),
  );
  await lab.create('first', { subnets: [{ subnet: '10.87.2.0/24' }] });
  const input = { name: 'n1', ...base, labels: { a: 'b' }, routes: null };
  const result = await lab.call(['create'], input, { NETCONFPATH: conflists });
  expect(JSON.parse(result.stdout)).toEqual({
    ...{ name: 'n1', ...base, labels: { a: 'b' }, network_interface: 'fl-n1' },
    ...{ ipam_options: { driver: 'flatnet-ipam' }, subnets: [{ subnet: '10.87.3.0/24', gateway: '10.87.3.1' }] },
  });
  expect(result.stderr).toContain('leased by flatnet-ipam');
  expect(await refusal({ name: 'cni' }, { NETCONFPATH: conflists })).toContain('defined by a conflist');
  expect(await refusal({ subnets: [{ subnet: '10.87.1.0/25' }] }, { NETCONFPATH: conflists })).toContain('network cni');
  expect(await refusal({ subnets: [{ subnet: '10.87.2.128/25' }] })).toContain('10.87.2.0/24: network first');
  expect(await refusal({ network_interface: 'fl-first' })).toContain('bridge of network first');
  lab.remove('first');
  rmSync(conflists, { recursive: true });
});

describe('what cannot be is refused with its cause and the next step', () => {
  it.each([
    [{ subnets: [{ subnet: '10.87.0.0/16' }] }, /lan0/],
    [{ subnets: [{ subnet: '10.88.7.0/24' }] }, /default network podman/],
    [{ subnets: [{ subnet: 'nonsense' }] }, /subnet "nonsense"/],
    [{ network_interface: 'lan0' }, /no bridge.*choose another/],
    [{ options: { speed: '1' } }, /known options: mtu, vlan, metric/],
    [{ options: { mtu: '$(reboot)' } }, /68 to 65535/],
    [{ ipam_options: { driver: 'dhcp' } }, /flatnet-ipam, host-local, none/],
    [{ labels: { big: 'x'.repeat(70_000) } }, /more than Podman reads.*shorten labels/],
    [{ name: undefined }, /name/],
  ])('%j', async (wish, words) => {
    expect(await refusal(wish as Json)).toMatch(words);
  });

  it.each([
    ['', /no JSON document/],
    ['{', /no JSON document/],
    ['[]', /expected object/],
    ['"x"', /expected object/],
  ])('stdin %j', async (input, words) => {
    const result = await lab.call(['create'], input);
    expect(result.exitCode).toBe(1);
    expect((JSON.parse(result.stdout) as { error: string }).error).toMatch(words);
  });
});

it('DNS stays on where dnsmasq is, and is turned off with a word where it is not', async () => {
  expect(await created({ dns_enabled: true, network_dns_servers: ['9.9.9.9'] })).toMatchObject({ dns_enabled: true });
  const without = { FLATNET_TOOL_PATH: '/nonexistent' };
  const result = await lab.call(['create'], { name: 'n1', ...base, dns_enabled: true }, without);
  expect(JSON.parse(result.stdout)).toMatchObject({ dns_enabled: false });
  expect(result.stderr).toContain('dnsmasq-base');
  expect(await refusal({ dns_enabled: true, network_dns_servers: ['9.9.9.9'] }, without)).toContain('dnsmasq-base');
});

it('works without root, as Podman without root calls it', async () => {
  // The sandbox's folder is root's alone.
  await host.sandbox.must('install', ['-D', join(lab.plugins, 'flatnet'), '/run/open/flatnet']);
  const line = `echo '${JSON.stringify({ name: 'n1', ...base })}' | setpriv --reuid 65534 --regid 65534 --clear-groups "$0" create`;
  const result = await host.sandbox.run('sh', ['-c', line, '/run/open/flatnet']);
  await host.sandbox.must('rm', ['-r', '/run/open']);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(result.stdout)).toMatchObject({ network_interface: 'fl-n1' });
});

it('tells its version without a verb, and goes by arguments whatever CNI_COMMAND says', async () => {
  const told = { version: expect.any(String) as string, api_version: '1.0.0' };
  expect(JSON.parse((await lab.call([], '')).stdout)).toEqual(told);
  expect(JSON.parse((await lab.call(['info'], '')).stdout)).toEqual(told);
  const stray = await lab.call(['create'], { name: 'n1', ...base }, { CNI_COMMAND: 'VERSION' });
  expect(JSON.parse(stray.stdout)).toMatchObject({ name: 'n1', network_interface: 'fl-n1' });
});
