// A compose file of two services and two networks, as Debian's podman-compose starts it, with flatnet in place of the reference plugins.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, REFERENCE_BIN } from '@flatnet/testing';
import { beforeAll, expect, it } from 'vitest';
import { servers } from './dns-lab.ts';
import { useSandbox } from './fixture.ts';
import { openPodman, type Podman } from './podman.ts';

const COMPOSE = `
version: '3'
services:
  web:
    image: busybox
    command: busybox httpd -f -p 80 -h /www
    networks: [front, back]
    ports: ['8085:80']
  db:
    image: busybox
    command: busybox httpd -f -p 80 -h /www
    networks: [back]
  stranger:
    image: busybox
    command: busybox sleep 1000
    networks: [front]
networks: { front: {}, back: {} }
`;

const host = useSandbox();
let podman: Podman;
let project: string;
beforeAll(async () => {
  const { folder } = host.sandbox;
  const dropIn = join(folder, 'drop-in');
  mkdirSync(dropIn);
  for (const name of ['bridge', 'host-local', 'portmap', 'tuning', 'dnsname'])
    symlinkSync(join(BIN, 'flatnet'), join(dropIn, name));
  podman = await openPodman(host.sandbox, [dropIn, BIN, REFERENCE_BIN]);
  project = join(folder, 'shop');
  mkdirSync(project);
  writeFileSync(join(project, 'compose.yaml'), COMPOSE);
  const private_ = join(import.meta.dirname, 'bin/podman-private');
  writeFileSync(join(project, 'podman'), `#!/bin/sh\nexec ${private_} ${join(folder, 'podman')} "$@"\n`);
  chmodSync(join(project, 'podman'), 0o755);
});

const compose = (...args: string[]): Promise<string> =>
  host.sandbox.must(
    'podman-compose',
    ['--podman-path', join(project, 'podman'), '-f', join(project, 'compose.yaml'), ...args],
    {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: host.sandbox.folder },
      timeoutMs: 90_000,
    },
  );
const fetched = async (client: string, name: string): Promise<string> =>
  (await podman('exec', `shop_${client}_1`, 'wget', '-q', '-O', '-', `http://${name}/`)).stdout;
const page = 'hello from flatnet\n';

it('finds its services by name over both networks, also after a restart, and leaves nothing with down', async () => {
  await compose('up', '-d');
  for (const name of ['db', 'shop_db_1']) expect(await fetched('web', name), name).toBe(page);
  for (const name of ['web', 'shop_web_1']) expect(await fetched('stranger', name), name).toBe(page);
  expect(await fetched('db', 'web')).toBe(page);
  expect(await fetched('stranger', 'db')).toBe('');
  await compose('restart', '-t', '0', 'db');
  expect(await fetched('web', 'db')).toBe(page);
  await compose('down', '-t', '0');
  expect(await servers(host.sandbox)).toEqual([]);
  expect(
    (await host.sandbox.must('nft', ['list', 'ruleset'])).replaceAll(/table ip6? (filter|nat) \{[^]*?\n\}\n/g, ''),
  ).not.toContain('flatnet');
});
