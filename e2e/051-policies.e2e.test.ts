// Policies, with real packets: the recipes of the plugin's page as they stand there, live changes, and faked sources.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '@flatnet/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { errorOf, useSandbox } from './fixture.ts';
import { gatewayOf, type NetworkName, type Place, PolicyLab, type Wish } from './policy-lab.ts';

const host = useSandbox();
let lab: PolicyLab;
const attached: [Place, NetworkName][] = [];
beforeAll(async () => {
  lab = await PolicyLab.open(host.sandbox);
});
afterEach(async () => {
  for (const [place, network] of attached.splice(0)) await lab.del(place, network);
});

const PAGE = readFileSync(join(import.meta.dirname, '../plugins/flatnet-firewall/README.md'), 'utf8');
/** The configuration under a heading of the page. */
const recipe = (heading: string): Json => {
  const [, rest] = PAGE.split(`### ${heading}\n`);
  return JSON.parse(/```json\n([^`]*)```/.exec(rest ?? '')![1]!) as Json;
};
const start = async (place: Place, name: string, wish: Wish = {}, network: NetworkName = 'a'): Promise<Json> => {
  attached.push([place, network]);
  return lab.add(place, network, { name, ...wish });
};
const repeat = async (place: Place, name: string, wish: Wish = {}, network: NetworkName = 'a'): Promise<void> => {
  const answer = await lab.repeat(place, network, { name, ...wish });
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
};
const hostPort = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
/** The places' addresses, asked by TCP. */
const ask = (from: Place, to: Place, port = 80, family: 4 | 6 = 4) => lab.ask(from, lab.addressOf(to, family), port);

describe('the recipes of the page', () => {
  it('No internet but one registry', async () => {
    lab.configure('a', recipe('No internet but one registry'));
    await start('a1', 'job-1');
    await start('a2', 'web');
    const gateway = gatewayOf('a', 4);
    expect([await ask('a1', 'out', 443), await ask('a1', 'out'), await ask('a1', 'a2')]).toEqual([
      'yes',
      'refused',
      'refused',
    ]);
    expect([await lab.ask('a1', gateway, 53, 'udp-new'), await lab.ask('a1', gateway, 80)]).toEqual(['yes', 'refused']);
    expect(await lab.matrix('a2>out', 'a2>a1', 'out>a1', 'host>a1')).toEqual({
      ...{ 'a2>out': 'yes', 'a2>a1': 'yes', 'out>a1': 'yes', 'host>a1': 'yes' },
    });
  });

  it('A database that one container sees', async () => {
    lab.configure('a', recipe('A database that one container sees'));
    await start('a1', 'db');
    await start('a2', 'api');
    await start('a3', 'web');
    for (const family of [4, 6] as const) {
      const answers = [await ask('a2', 'a1', 5432, family), await ask('a2', 'a1', 80, family)];
      expect([...answers, await ask('a3', 'a1', 5432, family)]).toEqual(['yes', 'silent', 'silent']);
    }
    expect(await lab.matrix('out>a1', 'a1>a2', 'a1>out')).toEqual({
      'out>a1': 'silent',
      'a1>a2': 'yes',
      'a1>out': 'yes',
    });
  });

  it('Clients that see the server and not each other', async () => {
    lab.configure('a', recipe('Clients that see the server and not each other'));
    await start('a1', 'server');
    await start('a2', 'client-1');
    await start('a3', 'client-2');
    expect(await lab.matrix('a2>a1', 'a3>a1', 'a2>a3', 'a3>a2')).toEqual({
      ...{ 'a2>a1': 'yes', 'a3>a1': 'yes', 'a2>a3': 'silent', 'a3>a2': 'silent' },
    });
  });

  it('No way to the host', async () => {
    lab.configure('a', recipe('No way to the host'));
    await start('a1', 'one', { published: [hostPort] });
    await start('a2', 'two');
    const gateway = gatewayOf('a', 4);
    expect([await lab.ask('a1', gateway, 80), await lab.ask('a1', '192.0.2.1', 443)]).toEqual(['refused', 'refused']);
    expect(await lab.ask('a1', gateway, 53, 'udp-new')).toBe('yes');
    // A published port of a sibling is the sibling, whom the policy allows; the own one always is.
    expect([await lab.ask('a2', gateway, 8080), await lab.ask('a1', gateway, 8080)]).toEqual(['yes', 'yes']);
    expect([await ask('a1', 'out'), await ask('a1', 'a2'), await ask('a1', 'a2', 80, 6)]).toEqual([
      'yes',
      'yes',
      'yes',
    ]);
  });

  it('The internet, and nothing of the LAN', async () => {
    lab.configure('a', recipe('The internet, and nothing of the LAN'));
    lab.configure('b', {});
    await start('a1', 'one');
    await start('b1', 'other', {}, 'b');
    expect([await ask('a1', 'out'), await ask('a1', 'b1'), await ask('a1', 'b1', 80, 6)]).toEqual([
      'yes',
      'refused',
      'refused',
    ]);
  });

  it('A job that talks to nothing', async () => {
    lab.configure('a', recipe('A job that talks to nothing'));
    await start('a1', 'job-1');
    await start('a2', 'web');
    expect(await lab.matrix('a1>a2', 'a2>a1', 'a1>out', 'out>a1', 'a1>host', 'host>a1')).toEqual({
      ...{ 'a1>a2': 'refused', 'a2>a1': 'silent', 'a1>out': 'refused', 'out>a1': 'silent', 'a1>host': 'refused' },
      'host>a1': 'yes',
    });
  });

  it('A published port that only the office reaches', async () => {
    lab.configure('a', recipe('A published port that only the office reaches'));
    await start('a1', 'web', { published: [hostPort] });
    await start('a2', 'other', { published: [{ ...hostPort, hostPort: 8081 }] });
    expect(await lab.ask('out', '192.0.2.1', 8080)).toBe('yes');
    const out = (...words: string[]) => host.sandbox.must('ip', ['-n', 'out', ...words]);
    const from = (address: string) => out('route', 'replace', '192.0.2.0/24', 'dev', 'eth0', 'src', address);
    await out('address', 'add', '192.0.2.99/24', 'dev', 'eth0');
    try {
      await from('192.0.2.99');
      expect([await lab.ask('out', '192.0.2.1', 8080), await lab.ask('out', '192.0.2.1', 8081)]).toEqual([
        'silent',
        'yes',
      ]);
    } finally {
      await from('192.0.2.9');
      await out('address', 'delete', '192.0.2.99/24', 'dev', 'eth0');
    }
  });

  it('A service for one other network', async () => {
    lab.configure('a', recipe('A service for one other network'));
    lab.configure('b', {});
    await start('a1', 'api');
    await start('a2', 'sibling');
    expect(await lab.matrix('a2>a1', 'out>a1')).toEqual({ 'a2>a1': 'silent', 'out>a1': 'silent' });
    await start('b1', 'other', {}, 'b');
    expect(await lab.matrix('b1>a1', 'b1>a2')).toEqual({ 'b1>a1': 'yes', 'b1>a2': 'yes' });
  });

  it('Roles by alias', async () => {
    lab.configure('a', recipe('Roles by alias'));
    await start('a1', 'one', { aliases: ['role-db'] });
    await start('a2', 'two', { aliases: ['x', 'role-api'] });
    await start('a3', 'three');
    expect(await lab.matrix('a2>a1', 'a3>a1', 'a1>a3')).toEqual({ 'a2>a1': 'yes', 'a3>a1': 'silent', 'a1>a3': 'yes' });
  });

  it('Offline by choice', async () => {
    lab.configure('a', recipe('Offline by choice'));
    await start('a1', 'one', { args: 'FLATNET_POLICY=b:other,offline' });
    await start('a2', 'two');
    expect(await lab.matrix('a1>a2', 'a1>out', 'a2>a1', 'a2>out')).toEqual({
      ...{ 'a1>a2': 'refused', 'a1>out': 'refused', 'a2>a1': 'yes', 'a2>out': 'yes' },
    });
    const error = errorOf(await lab.repeat('a2', 'a', { args: 'FLATNET_POLICY=offline,nosuch' }));
    expect(error).toMatchObject({
      code: 7,
      details: expect.stringContaining('FLATNET_POLICY: network a has no policy "nosuch"') as string,
    });
  });
});

it('a change by another ADD holds for a flow that goes on, and a stranger to the network is refused', async () => {
  const closed = { policies: [{ containers: ['one'], egress: [{ to: [{ entity: 'dns' }] }] }] };
  lab.configure('a', {});
  await start('a1', 'one');
  await start('a2', 'two');
  // The agent asks from one port always: it is one flow to the kernel.
  expect(await lab.ask('a1', lab.addressOf('out', 4), 53, 'udp')).toBe('yes');
  lab.configure('a', closed);
  await repeat('a1', 'one');
  expect(await lab.ask('a1', lab.addressOf('out', 4), 53, 'udp')).toBe('silent');
  // Sibling two was attached before there were policies, and is open; an address that no container has is not.
  expect(await lab.matrix('a2>out')).toEqual({ 'a2>out': 'yes' });
  await host.sandbox.must('ip', ['-n', 'a2', 'address', 'replace', '10.61.1.99/24', 'dev', 'eth0']);
  await host.sandbox.must('ip', ['-n', 'a2', 'route', 'replace', 'default', 'via', '10.61.1.1', 'src', '10.61.1.99']);
  expect(await ask('a2', 'out')).toBe('refused');
  lab.configure('a', {});
  await repeat('a1', 'one');
  expect(await lab.ask('a1', lab.addressOf('out', 4), 53, 'udp')).toBe('yes');
});

it('a peer that comes later is known by its name, and one that leaves is not', async () => {
  lab.configure('a', { policies: [{ containers: ['db'], ingress: [{ from: [{ container: 'api*' }] }] }] });
  await start('a2', 'api-1');
  await start('a1', 'db');
  expect(await lab.matrix('a2>a1')).toEqual({ 'a2>a1': 'yes' });
  await start('a3', 'api-2');
  expect(await lab.matrix('a3>a1')).toEqual({ 'a3>a1': 'yes' });
  await repeat('a3', 'renamed');
  expect(await lab.matrix('a3>a1', 'a2>a1')).toEqual({ 'a3>a1': 'silent', 'a2>a1': 'yes' });
});
