import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIp } from '@flatnet/addressing';
import { stdinOf } from '@flatnet/cni';
import { openStore } from '@flatnet/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { parsePortMapping, renderPortMapping } from '../src/chain/port-mapping.ts';
import { idOfNetns } from '../src/chain/attachment.ts';
import { decodeNetwork } from '../src/conflist/model.ts';
import { fakeWorld } from './fake-world.ts';

describe('port mappings', () => {
  test.each([
    ['8080:80', [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]],
    ['127.0.0.1:53:53/udp', [{ hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: '127.0.0.1' }]],
    ['[::1]:1:2', [{ hostPort: 1, containerPort: 2, protocol: 'tcp', hostIP: '::1' }]],
  ])('%s', (text, mappings) => {
    expect(parsePortMapping(text)).toEqual(mappings);
  });

  test('a range is one entry per port', () => {
    expect(parsePortMapping('8000-8002:80-82').map(renderPortMapping)).toEqual([
      '8000->80/tcp',
      '8001->81/tcp',
      '8002->82/tcp',
    ]);
  });

  test.each(['80', '0:80', '80:65536', '1-3:1-2', '5-3:5-3', '1:2/icmp', '999.1.1.1:1:2', '::1:1:2', ''])(
    'refuses %j',
    (text) => {
      expect(() => parsePortMapping(text)).toThrow('is not a port mapping');
    },
  );
});

test('runtimeConfig holds only what the plugin declares; prevResult comes last', () => {
  const network = decodeNetwork(
    {
      name: 'n',
      cniVersions: ['9.9.9', '1.1.0'],
      cniVersion: '0.4.0',
      plugins: [{ type: 'a', capabilities: { mac: true, ips: false }, own: 1 }],
    },
    'test',
  );
  const capabilityArgs = { mac: '02:00:00:00:00:01', ips: ['10.0.0.1'], portMappings: [] };
  const attach = { containerId: 'c', ifName: 'eth0', netns: '/x', cniArgs: [], capabilityArgs };
  const plugin = network.plugins[0];
  if (plugin === undefined) throw new Error('no plugin');
  expect(JSON.parse(stdinOf(network, plugin, attach, { ips: [] }))).toEqual({
    type: 'a',
    own: 1,
    name: 'n',
    cniVersion: '1.1.0',
    capabilities: { mac: true, ips: false },
    runtimeConfig: { mac: '02:00:00:00:00:01' },
    prevResult: { ips: [] },
  });
});

/** Two plugins that write down what they were told; `second` fails in the verbs of `$root/fail`. */
describe('attach, check, detach', () => {
  const PLUGIN = `#!/bin/sh
input=$(cat)
printf '%s %s %s %s %s\\n' "$(basename "$0")" "$CNI_COMMAND" "$CNI_IFNAME" "$CNI_ARGS" "$input" >> "$(dirname "$0")/calls"
if [ "$(basename "$0")" = second ] && grep -q "$CNI_COMMAND" "$(dirname "$0")/fail" 2>/dev/null; then
  echo '{"code":7,"msg":"refused","details":"as asked"}'; exit 1
fi
if [ "$CNI_COMMAND" = ADD ]; then printf '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.2/24"}],"by":"%s"}' "$(basename "$0")"; fi
`;
  let world: ReturnType<typeof fakeWorld>;
  let bin: string;
  const calls = (): string[][] =>
    readFileSync(join(bin, 'calls'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' '));

  beforeEach(() => {
    const { root } = fakeWorld();
    bin = join(root, 'bin');
    mkdirSync(bin);
    for (const name of ['first', 'second']) {
      writeFileSync(join(bin, name), PLUGIN);
      chmodSync(join(bin, name), 0o755);
    }
    world = fakeWorld(bin);
    mkdirSync(world.netDir);
    const plugins = [{ type: 'first', capabilities: { ips: true } }, { type: 'second' }];
    writeFileSync(join(world.netDir, 'n.conflist'), JSON.stringify({ name: 'n', cniVersion: '1.0.0', plugins }));
  });

  const netns = '/proc/self/ns/net';

  test("ADD goes forward with prevResult, CHECK forward and DEL backward with ADD's result", async () => {
    const added = await world.ctl(
      'attach',
      'n',
      '--netns',
      netns,
      '--ip',
      '10.9.0.2',
      '--mac',
      '02:00:00:00:00:01',
      '-o',
      'json',
    );
    expect(JSON.parse(added.out)).toMatchObject({ by: 'second' });
    expect((await world.ctl('check', 'n', '--netns', netns)).code).toBe(0);
    const inspected = JSON.parse((await world.ctl('network', 'inspect', 'n')).out)[0];
    expect(Object.keys(inspected.containers)).toEqual([idOfNetns(netns)]);
    expect((await world.ctl('detach', 'n', '--id', idOfNetns(netns))).code).toBe(0);
    expect(calls().map(([plugin, verb]) => `${plugin} ${verb}`)).toEqual([
      ...['first ADD', 'second ADD', 'first CHECK', 'second CHECK', 'second DEL', 'first DEL'],
    ]);
    expect(
      calls().every(([, , ifName, args]) => ifName === 'eth0' && args === 'IgnoreUnknown=1;MAC=02:00:00:00:00:01'),
    ).toBe(true);
    const stdin = calls().map((words) => JSON.parse(words.slice(4).join(' ')));
    expect(stdin.map(({ prevResult }) => prevResult?.by)).toEqual([
      ...[undefined, 'first', 'second', 'second', 'second', 'second'],
    ]);
    expect(stdin[0].runtimeConfig).toEqual({ ips: ['10.9.0.2'] });
    expect(stdin[1].runtimeConfig).toBeUndefined();
    expect(readdirSync(join(world.cacheDir, 'results'))).toEqual([]);
  });

  test('a failed ADD is taken back, and its own words are told', async () => {
    writeFileSync(join(bin, 'fail'), 'ADD');
    const { code, err } = await world.ctl('attach', 'n', '--netns', netns);
    expect(code).toBe(1);
    expect(err).toContain('plugin second failed in ADD: refused: as asked');
    expect(calls().map(([plugin, verb]) => `${plugin} ${verb}`)).toEqual([
      ...['first ADD', 'second ADD', 'second DEL', 'first DEL'],
    ]);
  });

  const verbs = (): string[] => calls().map(([plugin, verb]) => `${plugin} ${verb}`);
  const ADDED = ['first ADD', 'second ADD'];

  test('of two at once one attaches, and no DEL of the other ends it', async () => {
    const both = await Promise.all([1, 2].map(() => world.ctl('attach', 'n', '--netns', netns, '--id', 'c1')));
    expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(both.map(({ err }) => err).join('')).toMatch(
      /c1 is attached to n with eth0 already\nNext: {2}flatnetctl detach n --id c1 --ifname eth0, or/,
    );
    expect(verbs()).toEqual(ADDED);
    expect(readdirSync(world.cacheDir)).toEqual(['results']);
  });

  test('a living lease is enough to be attached, also where nothing is recorded', async () => {
    const dataDir = join(world.root, 'leases');
    const plugins = [{ type: 'first', ipam: { type: 'flatnet-ipam', dataDir, subnet: '10.9.0.0/24' } }];
    writeFileSync(join(world.netDir, 'leased.conflist'), JSON.stringify({ name: 'leased', plugins }));
    await openStore({ network: 'leased', dataDir }).claim({
      ...{ network: 'leased', attachment: { containerId: 'c1', ifName: 'eth0' }, netns },
      choose: () => [{ ip: parseIp('10.9.0.2') }],
      isAbandoned: () => false,
    });
    const { code, err } = await world.ctl('attach', 'leased', '--netns', netns, '--id', 'c1');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('--force, or another') as string });
    expect(existsSync(join(bin, 'calls'))).toBe(false);
    expect((await world.ctl('attach', 'leased', '--netns', netns, '--id', 'c2')).code).toBe(0);
  });

  test('an attachment of flatnet whose host end is gone is dead, though its namespace seems to be there', async () => {
    copyFileSync(join(bin, 'first'), join(bin, 'flatnet'));
    const plugins = [{ type: 'flatnet' }];
    writeFileSync(join(world.netDir, 'f.conflist'), JSON.stringify({ name: 'f', plugins }));
    for (let turn = 0; turn < 2; turn++) expect((await world.ctl('attach', 'f', '--netns', netns)).code).toBe(0);
    expect(verbs()).toEqual(['flatnet ADD', 'flatnet DEL', 'flatnet ADD']);
  });

  test('two attachments whose records would have one name are not taken for each other', async () => {
    for (const name of ['a', 'a-b']) {
      writeFileSync(join(world.netDir, `${name}.conflist`), JSON.stringify({ name, plugins: [{ type: 'first' }] }));
    }
    await world.ctl('attach', 'a-b', '--netns', netns, '--id', 'c');
    expect((await world.ctl('detach', 'a', '--id', 'b-c')).err).toContain('b-c is not attached to a');
    expect((await world.ctl('detach', 'a', '--id', 'b-c', '--force')).code).toBe(0);
    expect((await world.ctl('detach', 'a-b', '--id', 'c')).code).toBe(0);
  });

  test('a failed DEL still reaches the other plugins, and can be repeated', async () => {
    await world.ctl('attach', 'n', '--netns', netns, '--id', 'c1');
    writeFileSync(join(bin, 'fail'), 'DEL');
    expect((await world.ctl('detach', 'n', '--id', 'c1')).code).toBe(1);
    expect(calls().at(-1)?.slice(0, 2)).toEqual(['first', 'DEL']);
    writeFileSync(join(bin, 'fail'), '');
    expect((await world.ctl('detach', 'n', '--id', 'c1')).code).toBe(0);
  });

  test.each([
    [['attach', 'n', '--netns', '/etc/passwd'], 2, 'is not a network namespace'],
    [['attach', 'n', '--netns', '/nowhere'], 1, 'there is no network namespace'],
    [['attach', 'n', '--netns', netns, '--id', '../x'], 2, 'invalid container id'],
    [['attach', 'n', '--netns', netns, '--ifname', 'a/b'], 2, 'invalid interface name'],
    [['attach', 'n', '--netns', netns, '-p', '80:80'], 1, 'portMappings'],
    [['attach', 'n', '--netns', netns, '--ip', 'x'], 2, 'is not an IP address'],
    [['attach', 'gone', '--netns', netns], 1, 'no network named'],
    [['detach', '../../etc/x', '--id', 'c'], 2, 'is not a network name'],
    [['detach', 'n', '--id', 'c'], 1, 'is not attached'],
    [['detach', 'n'], 2, 'which attachment'],
    [['detach', 'n', '--netns', '/run/netns/none'], 1, 'Next:  give --id alone'],
  ])('%j is refused', async (args, code, words) => {
    const outcome = await world.ctl(...args);
    expect(outcome.code).toBe(code);
    expect(outcome.err).toContain(words);
  });
});
