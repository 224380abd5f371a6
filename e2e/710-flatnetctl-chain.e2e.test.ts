// flatnetctl as a runtime: attach, detach, check, hook, test. Real kernel, private host.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@flatnet/exec';
import { findLeaks, takeInventory, type Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { CniResult, HookOutcome, Steps } from './flatnetctl-schemas.ts';
import { addressesIn, fetchPage, ipsOf, withNetns, withServer } from './fixture.ts';
import { useOperatorLab } from './operator-lab.ts';

const lab = useOperatorLab();
const { host, environment, ctl, ok, json, eventually, findings, addressOf, startNameless, countVeths } = lab;

describe('attach, check, detach', () => {
  it('run the chain as libcni does, print tables, and leave nothing', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['demo'], async ([netns]) => {
      const identity = ['--netns', netns!, '--id', 'demo-1'];
      const wishes = ['--ip', '10.87.0.10', '--mac', '02:11:22:33:44:55', '-p', '8080:80', '--name', 'demo'];
      expect(await ok('attach', 'web', ...identity, ...wishes)).toMatchSnapshot();
      expect(await addressesIn(sandbox, 'demo', 'eth0')).toEqual(['10.87.0.10/24']);
      const [link] = JSON.parse(
        await sandbox.must('ip', ['-n', 'demo', '-j', 'link', 'show', 'dev', 'eth0']),
      ) as Json[];
      expect(link?.['address']).toBe('02:11:22:33:44:55');
      await withServer(sandbox, 'demo', 80, async () => {
        expect(await fetchPage(sandbox, '127.0.0.1', 8080)).toBe('served by demo');
      });
      const cached = await sandbox.must('cat', ['/var/lib/cni/results/web-demo-1-eth0']);
      expect(JSON.parse(cached)).toMatchObject({
        kind: 'cniCacheV1',
        cniArgs: [
          ['IgnoreUnknown', '1'],
          ['K8S_POD_NAME', 'demo'],
        ],
        capabilityArgs: { ips: ['10.87.0.10'], mac: '02:11:22:33:44:55' },
      });
      expect(await ok('check', 'web', ...identity)).toBe('demo-1 (eth0) on web: ok 10.87.0.10/24\n');
      expect(await ok('rules', 'show')).toMatchSnapshot();
      const shown = await ok('ipam', 'show', '--ip', '10.87.0.10');
      expect(shown.replace(/\d+[smh] +alive/, 'AGE alive')).toMatchSnapshot();
      await sandbox.must('ip', ['-n', 'demo', 'address', 'flush', 'dev', 'eth0']);
      expect(await json(1, 'check', 'web', ...identity)).toMatchObject({ containerId: 'demo-1', state: 'failed' });
      const [lost] = await findings(1);
      expect(lost).toMatchObject({ kind: 'address-missing', containerId: 'demo-1', gc: false });
      const [{ ifname: bridge } = {}] = JSON.parse(
        await sandbox.must('ip', ['-j', 'link', 'show', 'type', 'bridge']),
      ) as Json[];
      await sandbox.must('ip', ['link', 'delete', String(bridge)]);
      expect((await findings(1)).map(({ kind }) => kind)).toContain('link-unplugged');
      const again = await ctl(['attach', 'web', ...identity]);
      expect(again).toMatchObject({ exitCode: 1, stdout: '' });
      expect(again.stderr).toContain('attached to web with eth0 already\nNext:');
      expect(await ok('detach', 'web', '--id', 'demo-1')).toBe('demo-1\n');
      expect((await sandbox.run('ls', ['/var/lib/cni/results'])).stdout).toBe('');
      expect(await findings(0)).toEqual([]);
    });
  });

  it('take a pid for the namespace, two interfaces for one container, and print the CNI result', async () => {
    const pid = await startNameless();
    const before = await countVeths();
    try {
      const first = CniResult.parse(await json(0, 'attach', 'web', '--netns', pid, '--id', 'two'));
      const second = CniResult.parse(await json(0, 'attach', 'web', '--netns', pid, '--id', 'two', '--ifname', 'eth1'));
      expect(new Set([...ipsOf(first), ...ipsOf(second)]).size).toBe(2);
      await ok('detach', 'web', '--id', 'two', '--ifname', 'eth1');
      await ok('check', 'web', '--id', 'two');
      await ok('detach', 'web', '--netns', pid, '--id', 'two');
      expect(await countVeths()).toBe(before);
    } finally {
      await host.sandbox.must('kill', ['-KILL', pid]);
    }
  });

  it('take everything back when a later plugin refuses', async () => {
    await withNetns(host.sandbox, ['demo', 'other'], async ([demo, other]) => {
      await ok('attach', 'web', '--netns', demo!, '--id', 'first', '-p', '8080:80');
      const before = await takeInventory(host.sandbox);
      const refused = await ctl(['attach', 'web', '--netns', other!, '--id', 'second', '-p', '8080:80']);
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.stderr).toMatch(/port 8080\/tcp on 0\.0\.0\.0 is held by container first[^]*\nNext: /);
      expect(await findLeaks(host.sandbox, before)).toEqual([]);
      await ok('detach', 'web', '--id', 'first');
    });
  });

  it('never end a living attachment: a second attach is refused before any plugin is asked', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['demo'], async ([netns]) => {
      const identity = ['attach', 'web', '--netns', netns!, '--id', 'one'];
      const both = await Promise.all([1, 2].map(() => ctl([...identity, '-p', '8080:80'])));
      expect(both.map(({ exitCode }) => exitCode).sort(), both.map(({ stderr }) => stderr).join('')).toEqual([0, 1]);
      const before = await takeInventory(sandbox);
      const unseen = await ctl([...identity, '--cache-dir', join(sandbox.folder, 'elsewhere')]);
      expect(unseen).toMatchObject({ exitCode: 1, stdout: '' });
      expect(unseen.stderr).toMatch(/attached to web with eth0 already\nNext: {2}\S.* --force, or/);
      expect(await findLeaks(sandbox, before)).toEqual([]);
      await ok('check', 'web', '--id', 'one');
      await ok('detach', 'web', '--id', 'one');
      expect((await sandbox.run('ls', ['/var/lib/cni'])).stdout).toBe('results\n');
    });
  });

  it('attach a namespace that has path and inode of one that died attached', async () => {
    const { sandbox } = host;
    const record = '/var/lib/cni/results/web-again-eth0';
    const identity = ['--netns', '/run/netns/again', '--id', 'again'];
    await withNetns(sandbox, ['again'], () => ok('attach', 'web', ...identity).then(() => undefined));
    await eventually('the old pair is gone', async () => (await countVeths()) === 0);
    await withNetns(sandbox, ['again'], async ([netns]) => {
      // The kernel often gives an inode again, but not always.
      const netnsId = (await sandbox.must('stat', ['-Lc', '%d:%i', netns!])).trim();
      const cached = JSON.parse(await sandbox.must('cat', [record])) as Json;
      await sandbox.must('tee', [record], { input: JSON.stringify({ ...cached, netnsId }) });
      await ok('attach', 'web', ...identity);
      await ok('detach', 'web', ...identity);
    });
  });

  const hostile: [string[], number][] = [
    [['attach', 'web', '--netns', 'NETNS', '--id', '../../etc/x'], 2],
    [['attach', 'web', '--netns', 'NETNS', '--id', '-rf'], 2],
    [['attach', 'web', '--netns', 'NETNS', '--id', 'a\nb'], 2],
    [['attach', 'web', '--netns', 'NETNS', '--ifname', 'a;reboot'], 2],
    [['attach', 'web', '--netns', 'NETNS', '--ifname', 'eth%d'], 2],
    [['attach', 'web', '--netns', 'NETNS', '--ip', '10.87.0.300'], 2],
    [['attach', 'web', '--netns', 'NETNS', '--ip', '10.99.0.1'], 1],
    [['attach', 'web', '--netns', 'NETNS', '--mac', 'x;y'], 2],
    [['attach', 'web', '--netns', 'NETNS', '--name', 'a;IP=1'], 2],
    [['attach', 'web', '--netns', 'NETNS', '-p', '1:2/tcp; flush ruleset'], 2],
    [['attach', '../web', '--netns', 'NETNS'], 1],
    [['attach', 'web', '--netns', '/etc/passwd'], 2],
    [['attach', 'web', '--netns', '/run/netns/none'], 1],
    [['attach', 'web', '--netns', '4194305'], 1],
    [['attach', 'web'], 2],
    [['detach', '../../etc/passwd', '--id', 'x'], 2],
    [['detach', 'web', '--id', 'nobody'], 1],
    [['check', 'web', '--id', 'nobody'], 1],
    [['ipam', 'release', 'web', '--ip', '$(id)'], 2],
    [['ipam', 'release', 'web', '--id', 'nobody'], 1],
    [['ipam', 'release', '--from-report', '/etc/passwd'], 2],
    [['ipam', 'release', '--from-report', '/nonexistent'], 1],
    [['ipam', 'check', 'no/such'], 1],
    [['rules', 'show', '..'], 1],
    [['test', '--network', 'a b'], 1],
  ];
  it('refuse hostile words with one next step, and change nothing', async () => {
    await withNetns(host.sandbox, ['demo'], async ([netns]) => {
      const before = await takeInventory(host.sandbox);
      for (const [words, code] of hostile) {
        const args = words.map((word) => (word === 'NETNS' ? netns! : word));
        const { exitCode, stdout, stderr } = await ctl(args);
        expect({ exitCode, stdout }, `${args.join(' ')}: ${stderr}`).toEqual({ exitCode: code, stdout: '' });
        // commander words its own refusals.
        if (words.length > 2) expect(stderr.trimEnd().split('\n').at(-1), args.join(' ')).toMatch(/^Next: /);
      }
      expect(await findLeaks(host.sandbox, before)).toEqual([]);
    });
  });

  it('say with --dry-run what they would do, and do nothing', async () => {
    await withNetns(host.sandbox, ['demo', 'other'], async ([demo, other]) => {
      await ok('attach', 'web', '--netns', demo!, '--id', 'there', '-p', '8080:80');
      await host.sandbox.must('nft', ['flush', 'ruleset']);
      const before = await takeInventory(host.sandbox);
      expect(await ok('attach', 'web', '--netns', other!, '--dry-run')).toContain('"flatnet-portmap"');
      expect(await ok('detach', 'web', '--id', 'there', '--dry-run')).toBe('would detach there (eth0) from web\n');
      expect(await ok('rules', 'reload', '--dry-run')).toContain('would rebuild published 8080/tcp');
      expect(await ok('ipam', 'gc', '--dry-run')).toBe('');
      expect(await ok('test', '--dry-run')).toContain('would try published port');
      const state = JSON.stringify({ id: 'c', status: 'creating', pid: 1 });
      const hook = await ctl(['hook', '--network', 'web', '--dry-run'], { input: state });
      expect(hook.stdout).toBe('would attach c (eth0) to web\n');
      expect(await findLeaks(host.sandbox, before)).toEqual([]);
      await ok('detach', 'web', '--id', 'there');
    });
  });
});

describe('hook', () => {
  const runc = (...args: string[]): Promise<RunResult> => host.sandbox.run('runc', args, { timeoutMs: 120_000 });

  /** A bundle whose container serves a page, with the hooks of configs/. Hooks get only the environment that they name. */
  async function makeBundle(): Promise<string> {
    const { sandbox } = host;
    const bundle = join(sandbox.folder, 'bundle');
    mkdirSync(join(bundle, 'rootfs/bin'), { recursive: true });
    mkdirSync(join(bundle, 'rootfs/www'));
    await sandbox.must('cp', ['/bin/busybox', join(bundle, 'rootfs/bin/busybox')]);
    writeFileSync(join(bundle, 'rootfs/www/index.html'), 'served by runc\n');
    await sandbox.must('runc', ['spec', '--bundle', bundle]);
    const file = join(bundle, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as { process: Json; linux: Json; mounts: Json[] };
    const example = readFileSync(join(import.meta.dirname, '../configs/oci-hook.json'), 'utf8');
    const { hooks } = JSON.parse(example) as { hooks: Record<string, Json[]> };
    const env = Object.entries(environment()).map(([key, value]) => `${key}=${value}`);
    for (const hook of Object.values(hooks).flat()) hook['env'] = env;
    config.process['terminal'] = false;
    config.process['args'] = ['/bin/busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];
    delete config.linux['resources'];
    config.mounts = config.mounts.filter(({ type }) => type !== 'cgroup');
    writeFileSync(file, JSON.stringify({ ...config, hooks }));
    return bundle;
  }

  it('gives a raw runc container a network, and takes it back', async () => {
    const { sandbox } = host;
    const example = join(import.meta.dirname, '../configs/30-flatnet-full.conflist');
    symlinkSync(example, join(lab.netDir, 'flatnet.conflist'));
    const bundle = await makeBundle();
    const log = join(sandbox.folder, 'runc.log');
    const line = `exec runc run --detach --bundle ${bundle} shop </dev/null >${log} 2>&1`;
    const started = await sandbox.run('bash', ['-c', line], { timeoutMs: 120_000 });
    expect(started, readFileSync(log, 'utf8')).toMatchObject({ exitCode: 0 });
    try {
      expect(await addressOf('shop')).toMatch(/^10\.87\.1\./);
      await eventually('the container serves', async () => (await fetchPage(sandbox, '127.0.0.1', 8080)) !== '');
      expect(await fetchPage(sandbox, '127.0.0.1', 8080)).toBe('served by runc');
      await ok('check', 'flatnet', '--id', 'shop');
    } finally {
      await runc('delete', '--force', 'shop');
    }
    expect(await addressOf('shop')).toBeUndefined();
    expect((await sandbox.run('ls', ['/var/lib/cni/results'])).stdout).toBe('');
    await ok('network', 'rm', '--force', 'flatnet');
  });

  it('attaches to all networks or none, by annotations too', async () => {
    const pid = await startNameless();
    const state = (status: string, annotations: Record<string, string>) => ({
      input: JSON.stringify({ ociVersion: '1.0.2', id: 'multi', status, pid: Number(pid), bundle: '/b', annotations }),
    });
    const before = await takeInventory(host.sandbox);
    const half = await ctl(['hook'], state('creating', { 'flatnet.networks': 'web,nowhere' }));
    expect(half).toMatchObject({ exitCode: 1 });
    expect(half.stderr).toMatch(/no network named "nowhere"[^]*\nNext: /);
    expect(await findLeaks(host.sandbox, before)).toEqual([]);
    const annotations = { 'flatnet.networks': 'web, web:net1', 'flatnet.ports': '8087:80,8088:81' };
    const attached = await ctl(['hook', '-o', 'json'], state('creating', annotations));
    expect(attached, attached.stderr).toMatchObject({ exitCode: 0 });
    const { networks } = HookOutcome.parse(JSON.parse(attached.stdout));
    expect(networks.map(({ ifName, ports }) => [ifName, ports.length])).toEqual([
      ['eth0', 2],
      ['net1', 0],
    ]);
    await host.sandbox.must('kill', ['-KILL', pid]);
    const detached = await ctl(['hook'], state('stopped', annotations));
    expect(detached, detached.stderr).toMatchObject({ exitCode: 0 });
    const twice = await ctl(['hook'], state('stopped', annotations));
    expect(twice).toMatchObject({ exitCode: 0, stdout: '' });
  });

  it.each([
    ['', 2],
    ['{', 2],
    ['{"id":"x","status":"creating"}', 1],
    ['{"id":"../x","status":"creating","pid":1}', 1],
    ['{"id":5,"status":"creating","pid":1}', 2],
    ['{"id":"x","status":"creating","pid":-1}', 2],
    ['{"id":"x","status":"creating","pid":1}', 1],
    ['{"id":"../x","status":"stopped"}', 2],
  ])('refuses the state %j with exit code %i', async (input, code) => {
    const { exitCode, stdout, stderr } = await ctl(['hook', '--network', 'web'], { input });
    expect({ exitCode, stdout }, stderr).toEqual({ exitCode: code, stdout: '' });
    expect(stderr).toContain('\nNext: ');
  });
});

describe('test', () => {
  it('finds a working host working, on a network of its own and on a given one, and leaves nothing', async () => {
    const { sandbox } = host;
    const bridges = () => sandbox.must('ip', ['-br', 'link', 'show', 'type', 'bridge']);
    const before = await bridges();
    const own = Steps.parse(await json(0, 'test'));
    expect(own.map(({ step, state }) => [step, state])).toMatchSnapshot();
    expect(await bridges()).toBe(before);
    const given = Steps.parse(await json(0, 'test', '--network', 'web'));
    expect(given.every(({ state }) => state === 'ok')).toBe(true);
    expect(readdirSync(sandbox.folder).filter((name) => name.startsWith('flatnetctl-test-'))).toEqual([]);
  });

  it('says what does not work: a firewall that drops forwarded packets', async () => {
    const { sandbox } = host;
    await sandbox.must('nft', [
      'add table inet strict; add chain inet strict f { type filter hook forward priority 0; policy drop; }',
    ]);
    const steps = Steps.parse(await json(1, 'test', '--network', 'web'));
    await sandbox.must('nft', ['delete', 'table', 'inet', 'strict']);
    const failed = steps.filter(({ state }) => state === 'failed');
    expect(failed.map(({ step }) => step)).toContain('outside');
    expect(failed.every(({ next }) => next.startsWith('flatnetctl '))).toBe(true);
    expect(steps.at(-1)).toMatchObject({ step: 'nothing left', state: 'ok' });
  });
});
