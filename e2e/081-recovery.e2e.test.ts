// flatnetd's recovery: each fault made for real, packets before and after it. Real kernel, private host.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '@flatnet/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Daemon, expectEvent, startDaemon } from './daemon-lab.ts';
import { answerTo } from './dns-lab.ts';
import { fetchPage, useSandbox } from './fixture.ts';
import { Healed } from './flatnetctl-schemas.ts';
import { operatorOf, type Operator } from './operator.ts';

const host = useSandbox();
let netDir: string;
let operator: Operator;
let daemon: Daemon;
const BRIDGE = 'fl-web';
const [GATEWAY, GATEWAY6] = ['10.87.0.1', 'fd87::1'];

beforeAll(async () => {
  netDir = join(host.sandbox.folder, 'net.d');
  mkdirSync(netDir);
  operator = operatorOf(host.sandbox, netDir);
  const subnets = ['--subnet', '10.87.0.0/24', '--subnet', 'fd87::/64'];
  await operator.must('network', 'create', 'web', ...subnets, '--disable-dns', '--isolate=containers');
  await operator.must('network', 'create', 'other', '--subnet', '10.88.0.0/24', '--disable-dns');
});
afterAll(async () => {
  await daemon?.signal('TERM').catch(() => undefined);
  await daemon?.ended;
});

const must = (words: string): Promise<string> => host.sandbox.must('sh', ['-c', words]);

/** Whether the container reaches its gateway by both families, and its published port answers on 127.0.0.1. */
const works = async (): Promise<boolean> => {
  const ping = `ip netns exec c1 busybox ping -c 1 -W 1 -q`;
  const { exitCode } = await host.sandbox.run('sh', ['-c', `${ping} ${GATEWAY} && ${ping} -6 ${GATEWAY6}`]);
  return exitCode === 0 && (await fetchPage(host.sandbox, '127.0.0.1', 8080)) === 'it works';
};

/** Waits until it works again. Answers the milliseconds. */
async function untilItWorks(what: string): Promise<number> {
  const begin = performance.now();
  while (performance.now() - begin < 30_000) if (await works()) return performance.now() - begin;
  throw new Error(`not within 30 s after ${what}: ${JSON.stringify(daemon.events.slice(-5))}`);
}

async function withContainer(body: (link: string) => Promise<void>): Promise<void> {
  await host.sandbox.addNetns('c1');
  await must(`echo it works >${host.sandbox.folder}/index.html`);
  const server = host.sandbox.inNetns('c1', 'busybox', ['httpd', '-f', '-p', '80', '-h', host.sandbox.folder], {
    timeoutMs: 160_000,
  });
  daemon = await startDaemon(host.sandbox, netDir);
  try {
    await operator.must('attach', 'web', '--netns', '/run/netns/c1', '--id', 'c1', '-p', '8080:80');
    const links = JSON.parse(await must('ip -j -d link show type veth')) as { ifname: string }[];
    await untilItWorks('ADD');
    await body(links[0]?.ifname ?? '');
  } finally {
    await daemon.signal('TERM').catch(() => undefined);
    await daemon.ended;
    await operator.must('detach', 'web', '--id', 'c1');
    await must('ip netns pids c1 | xargs -r kill');
    await server;
    await host.sandbox.deleteNetns('c1');
  }
}

describe('recovery', () => {
  it('mends each fault by itself, and tells of it', () =>
    withContainer(async (link) => {
      const macOf = async () => (JSON.parse(await must(`ip -j link show ${BRIDGE}`)) as Json[])[0]?.['address'];
      const mac = await macOf();
      await must('nft add table inet mine; nft add chain inet mine keep; ip link add mine type bridge');
      const faults: readonly (readonly [fault: string, told: RegExp])[] = [
        ['nft delete table inet flatnet_hostport', /published/],
        [
          'nft list tables | while read -r _ f t; do case $t in flatnet*) nft delete table $f $t;; esac; done',
          /masquerade/,
        ],
        [`ip link delete ${BRIDGE}`, /bridge fl-web is missing/],
        [`ip link set ${BRIDGE} down`, /bridge fl-web is down/],
        [`ip address flush dev ${BRIDGE}`, /lacks 10.87.0.1/],
        [`ip link set ${link} nomaster`, /is not a port of fl-web/],
        [`ip link set ${link} down`, new RegExp(`${link} is down`)],
        ['sysctl -qw net.ipv4.ip_forward=0', /IPv4 forwarding is off/],
      ];
      for (const [fault, told] of faults) {
        await must(fault);
        await expectEvent(daemon, 'healed', told);
        await untilItWorks(fault);
      }
      expect(await macOf()).toBe(mac);
      expect(await must('cat /proc/sys/net/ipv4/ip_forward')).toBe('1\n');
      expect(await must('nft list table inet mine')).toContain('keep');
      await operator.must('check', 'web', '--id', 'c1');
      await must('nft delete table inet mine; ip link delete mine');
    }));

  it('leaves a paused network alone, and the others not', () =>
    withContainer(async () => {
      await host.sandbox.addNetns('c2');
      await operator.must('attach', 'other', '--netns', '/run/netns/c2', '--id', 'c2');
      await operator.must('pause', 'web');
      expect(await operator.must('pause')).toBe('web\n');
      await must(
        'nft delete table inet flatnet_hostport; nft delete table ip flatnet 2>/dev/null || nft delete table inet flatnet',
      );
      await expectEvent(daemon, 'healed', /masquerade was missing.*10\.88\.0\.2/);
      expect(daemon.events.filter(({ kind, network }) => kind === 'healed' && network === 'web')).toEqual([]);
      expect(await works()).toBe(false);
      await operator.must('resume', 'web');
      await operator.must('heal');
      await untilItWorks('resume');
      await operator.must('detach', 'other', '--id', 'c2');
      await host.sandbox.deleteNetns('c2');
      await must('rmdir /run/flatnet/paused');
    }));

  it('does not fight: another program that undoes a repair gets a rest', () =>
    withContainer(async (link) => {
      const isPort = async () => (await must('bridge link show')).includes(link);
      // A comparison that meets two removals counts one repair: the other program goes on until it is told of.
      while (daemon.events.every(({ kind }) => kind !== 'waiting')) {
        await must(`ip link set ${link} nomaster`);
        for (let tries = 0; tries < 600 && !(await isPort()); tries++) await sleep(50);
        expect(daemon.events.length, 'repairs without a rest').toBeLessThan(60);
      }
      const rest = await expectEvent(daemon, 'waiting', /again and again.* in 5 s/);
      await must(`ip link set ${link} nomaster`);
      await untilItWorks('the rest');
      const next = daemon.events.find(({ id, kind }) => Number(id) > Number(rest['id']) && kind === 'healed');
      // By the daemon's own clock, so that a standstill of the machine does not matter.
      expect(Date.parse(String(next?.['time'])) - Date.parse(String(rest['time']))).toBeGreaterThan(4900);
    }));

  it('frees what a dead container left, and comes back after a kill', () =>
    withContainer(async () => {
      await host.sandbox.addNetns('c3');
      await operator.must('attach', 'web', '--netns', '/run/netns/c3', '--id', 'c3', '-p', '8083:80');
      await host.sandbox.deleteNetns('c3');
      await daemon.signal('KILL');
      await daemon.ended;
      await must('nft flush ruleset');
      daemon = await startDaemon(host.sandbox, netDir);
      await untilItWorks('a kill and a flush');
      await expectEvent(daemon, 'healed', /dead container c3 left: freed/);
      const leases = JSON.parse(await operator.must('ipam', 'show', '-o', 'json')) as Json[];
      expect(leases.map(({ containerId }) => containerId)).toEqual(['c1', 'c1']);
    }));

  it('starts the dnsmasq of a network again that was killed', async () => {
    const asked = () => answerTo(host.sandbox, 'c4', 'web', { server: '10.89.0.1' });
    await operator.must('network', 'create', 'named', '--subnet', '10.89.0.0/24');
    await host.sandbox.addNetns('c4');
    daemon = await startDaemon(host.sandbox, netDir);
    try {
      await operator.must('attach', 'named', '--netns', '/run/netns/c4', '--id', 'c4', '--name', 'web');
      expect(await asked()).toEqual(['10.89.0.2']);
      await must('pkill -KILL -x dnsmasq');
      await expectEvent(daemon, 'healed', /names were missing and are made again: web, c4/);
      for (let tries = 0; tries < 600 && !Array.isArray(await asked()); tries++) await sleep(50);
      expect(await asked()).toEqual(['10.89.0.2']);
    } finally {
      await daemon.signal('TERM').catch(() => undefined);
      await daemon.ended;
      await operator.must('detach', 'named', '--id', 'c4');
      await host.sandbox.deleteNetns('c4');
      await operator.must('network', 'rm', 'named');
    }
  });

  it('--observe tells, and changes nothing', () =>
    withContainer(async (link) => {
      await daemon.signal('TERM');
      await daemon.ended;
      daemon = await startDaemon(host.sandbox, netDir, ['--observe']);
      await must(`ip link set ${link} nomaster`);
      await expectEvent(daemon, 'lost', /bridge is missing: .*is not a port/);
      expect(await must('bridge link show')).not.toContain(link);
      const healed = Healed.parse(JSON.parse(await operator.must('heal', '-o', 'json')));
      expect(healed.rebuilt.map(({ kind }) => kind)).toEqual(['bridge']);
      expect(await works()).toBe(true);
    }));
});
