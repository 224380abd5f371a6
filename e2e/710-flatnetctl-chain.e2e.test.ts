// flatnetctl as a runtime and as a repairer: attach, detach, check, hook, ipam, rules, test. Real kernel, private host.
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunOptions, RunResult } from '@flatnet/exec';
import { BIN, findLeaks, takeInventory, type Json } from '@flatnet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Findings } from './flatnetctl-schemas.ts';
import { CniResult, Freed, HookOutcome, Leases, Reloaded, Report, Rules, Steps } from './flatnetctl-schemas.ts';
import { addressesIn, expectPing, fetchPage, ipsOf, useSandbox, withNetns, withServer } from './fixture.ts';

const host = useSandbox();
const WEB = '10.87.0.0/24';
let netDir: string;

const environment = (): Record<string, string> => ({
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  NETCONFPATH: netDir,
  CNI_PATH: `${BIN}:${join(host.sandbox.folder, 'plugins')}`,
  TMPDIR: host.sandbox.folder,
});
const ctl = (args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  host.sandbox.run(join(BIN, 'flatnetctl'), args, { env: environment(), timeoutMs: 300_000, ...options });

/** Demands an exit code; answers stdout. */
async function expectExit(code: number, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await ctl(args);
  expect(exitCode, `flatnetctl ${args.join(' ')}\n${stdout}${stderr}`).toBe(code);
  return stdout;
}
const ok = (...args: string[]): Promise<string> => expectExit(0, ...args);
const json = async (code: number, ...args: string[]): Promise<unknown> =>
  JSON.parse(await expectExit(code, ...args, '-o', 'json'));

/** Waits for what the kernel does in its own time. */
async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await isSo()) return;
    await sleep(100);
  }
  throw new Error(`not within a minute: ${what}`);
}

beforeAll(async () => {
  const { sandbox } = host;
  netDir = join(sandbox.folder, 'net.d');
  mkdirSync(join(sandbox.folder, 'plugins'));
  await ok('network', 'create', 'web', '--subnet', WEB);
  // Where the example of an OCI hook and the unit file expect it; private to the sandbox.
  await sandbox.must('mount', ['-t', 'tmpfs', 'tmpfs', '/usr/local/bin']);
  await sandbox.must('ln', ['-s', join(BIN, 'flatnetctl'), '/usr/local/bin/flatnetctl']);
});

const findings = async (code: number): Promise<ReturnType<typeof Findings.parse>> =>
  Report.parse(await json(code, 'ipam', 'check')).findings;
const dead = async (code: number): Promise<string[]> =>
  (await findings(code)).filter(({ kind }) => kind === 'dead-attachment').map(({ containerId }) => containerId);
const addressOf = async (id: string): Promise<string | undefined> =>
  Leases.parse(await json(0, 'ipam', 'show')).find(({ containerId }) => containerId === id)?.address;

/** A process in a network namespace that has no name: it dies with the process. Its pid inside of the sandbox. */
async function startNameless(): Promise<string> {
  const { sandbox } = host;
  const started = await sandbox.must('bash', ['-c', 'unshare --net sleep 3600 </dev/null >/dev/null 2>&1 & echo $!']);
  const pid = started.trim();
  const own = await sandbox.must('readlink', ['/proc/1/ns/net']);
  await eventually('a namespace of its own', async () => {
    const link = await sandbox.run('readlink', [`/proc/${pid}/ns/net`]);
    return link.exitCode === 0 && link.stdout !== own;
  });
  return pid;
}

/** kill -9, and wait until the kernel has taken its namespace, and so its veth pair, away. */
async function killContainer(pid: string, linksBefore: number): Promise<void> {
  await host.sandbox.must('kill', ['-KILL', pid]);
  await eventually('the veth pair is gone', async () => (await countVeths()) < linksBefore);
}
const countVeths = async (): Promise<number> =>
  (JSON.parse((await host.sandbox.must('ip', ['-j', 'link', 'show', 'type', 'veth'])) || '[]') as object[]).length;

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

describe('ipam', () => {
  it('names a container that was killed, frees it, and leaves the living ones alone', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['kept'], async ([kept]) => {
      await ok('attach', 'web', '--netns', kept!, '--id', 'kept', '-p', '8081:80');
      const before = await countVeths();
      const pid = await startNameless();
      await ok(
        'attach',
        'web',
        '--netns',
        pid,
        '--id',
        'lost',
        '-p',
        '8082:80',
        '--name',
        'shop',
        '--ip',
        '10.87.0.99',
      );
      expect(await findings(0)).toEqual([]);
      await killContainer(pid, before + 1);

      const shown = (await expectExit(1, 'ipam', 'check')).replace(/10\.87\.0\.\d+/g, 'ADDRESS');
      expect(shown).toMatchSnapshot();
      const [finding, ...others] = await findings(1);
      expect(others).toEqual([]);
      expect(finding).toMatchObject({ kind: 'dead-attachment', containerId: 'lost', name: 'shop', gc: true });
      expect(finding).toMatchObject({ addresses: ['10.87.0.99'], ports: ['8082/tcp on 0.0.0.0'] });

      const leaseOfKept = await addressOf('kept');
      const freed = Freed.parse(await json(0, 'ipam', 'gc'));
      expect(freed.map(({ outcome, finding: { containerId } }) => [containerId, outcome])).toEqual([['lost', 'freed']]);
      expect(await addressOf('lost')).toBeUndefined();
      expect(await addressOf('kept')).toBe(leaseOfKept);
      expect((await sandbox.run('ls', ['/var/lib/cni/results'])).stdout).toBe('web-kept-eth0\n');
      const rules = Rules.parse(await json(0, 'rules', 'show'));
      expect(rules.filter(({ kind }) => kind === 'published').map(({ containerId }) => containerId)).toEqual(['kept']);
      await ok('check', 'web', '--id', 'kept');
      await withServer(sandbox, 'kept', 80, async () => {
        expect(await fetchPage(sandbox, '127.0.0.1', 8081)).toBe('served by kept');
      });
      expect(await findings(0)).toEqual([]);
      await ok('detach', 'web', '--id', 'kept');
    });
  });

  it('never frees a container that lives: not by name, not by force, not when its namespace lost its name', async () => {
    const { sandbox } = host;
    const [kept] = [await sandbox.addNetns('kept')];
    await ok('attach', 'web', '--netns', kept, '--id', 'kept');
    const sleeper = await sandbox.must('bash', [
      '-c',
      'ip netns exec kept sleep 3600 </dev/null >/dev/null 2>&1 & echo $!',
    ]);
    await eventually('it is in the namespace', async () =>
      (await sandbox.run('ip', ['netns', 'pids', 'kept'])).stdout.includes(sleeper.trim()),
    );
    await sandbox.deleteNetns('kept');
    expect(await dead(0)).toEqual([]);
    expect(Freed.parse(await json(0, 'ipam', 'gc'))).toEqual([]);
    const refused = await ctl(['ipam', 'release', 'web', '--id', 'kept', '--force']);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).toBe('Error: container kept lives\nNext:  flatnetctl detach web --id kept --ifname eth0\n');
    expect(await addressOf('kept')).toBeDefined();
    await ok('detach', 'web', '--id', 'kept');
    await sandbox.must('kill', ['-KILL', sleeper.trim()]);
  });

  it('frees by a report only what is still dead, also when the container was started anew with its id', async () => {
    const { sandbox } = host;
    const report = join(sandbox.folder, 'report.json');
    const before = await countVeths();
    for (const id of ['again', 'lost']) {
      const pid = await startNameless();
      await ok('attach', 'web', '--netns', pid, '--id', id);
      await killContainer(pid, before + 1);
    }
    await expectExit(1, 'ipam', 'check', '--report', report);
    expect(Report.parse(JSON.parse(readFileSync(report, 'utf8'))).findings).toHaveLength(2);
    await withNetns(sandbox, ['again'], async ([netns]) => {
      await ok('attach', 'web', '--netns', netns!, '--id', 'again');
      const address = await addressOf('again');
      const freed = Freed.parse(await json(0, 'ipam', 'release', '--from-report', report));
      expect(freed.map(({ finding, outcome, reason }) => [finding.containerId, outcome, reason])).toEqual([
        ['again', 'skipped', 'the container lives'],
        ['lost', 'freed', ''],
      ]);
      expect(await addressOf('again')).toBe(address);
      await ok('check', 'web', '--id', 'again');
      await ok('detach', 'web', '--id', 'again');
    });
    const other = { ...(JSON.parse(readFileSync(report, 'utf8')) as Json), bootId: 'another' };
    writeFileSync(report, JSON.stringify(other));
    expect((await ctl(['ipam', 'release', '--from-report', report])).stderr).toContain('another boot');
  });

  it('waits for a plugin that is at work, and cleans up after a flatnetctl that was killed', async () => {
    const { sandbox } = host;
    const note = join(sandbox.folder, 'slow.pid');
    const slow = join(sandbox.folder, 'plugins', 'slow');
    writeFileSync(
      slow,
      `#!/bin/bash\ncat >/dev/null\n[ "$CNI_COMMAND" != ADD ] && exit\necho $$ > ${note}\nexec sleep 3600\n`,
    );
    chmodSync(slow, 0o755);
    const plugins = [
      { type: 'flatnet', ipam: { type: 'flatnet-ipam', subnet: '10.87.9.0/24' } },
      { type: 'flatnet-portmap', capabilities: { portMappings: true } },
      { type: 'slow' },
    ];
    writeFileSync(join(netDir, 'slow.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'slow', plugins }));
    const before = await countVeths();
    const netns = await sandbox.addNetns('half');
    const line = `${join(BIN, 'flatnetctl')} attach slow --netns ${netns} --id half -p 8083:80 </dev/null >/dev/null 2>&1 & echo $!`;
    const runner = (await sandbox.must('bash', ['-c', line], { env: environment() })).trim();
    await eventually(
      'the last plugin is at work',
      async () => (await sandbox.run('test', ['-s', note])).exitCode === 0,
    );
    const worker = readFileSync(note, 'utf8').trim();
    await sandbox.must('kill', ['-KILL', runner]);
    expect((await findings(0)).map(({ kind, level }) => [kind, level])).toEqual([['unrecorded', 'note']]);
    await sandbox.deleteNetns('half');
    await eventually('the veth pair is gone', async () => (await countVeths()) === before);
    expect(await dead(1)).toEqual(['half']);
    const [waiting] = Freed.parse(await json(0, 'ipam', 'gc', 'slow'));
    expect(waiting).toMatchObject({ outcome: 'skipped', reason: 'a plugin is working for it at this moment' });
    await sandbox.must('kill', ['-KILL', worker]);
    expect(await ok('ipam', 'gc')).toMatch(/^freed 10\.87\.9\.\d+ 8083\/tcp on 0\.0\.0\.0 of half on slow\n$/);
    expect(await findings(0)).toEqual([]);
    await ok('network', 'rm', '--force', 'slow');
  });

  it('frees torn leases and rules that nobody remembers', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['torn', 'kept'], async ([torn, kept]) => {
      for (const [id, netns] of [
        ['torn', torn!],
        ['kept', kept!],
      ] as const) {
        await ok('attach', 'web', '--netns', netns, '--id', id, '-p', id === 'torn' ? '8084:80' : '8085:80');
      }
      const [lease] = (await sandbox.must('find', ['/run/cni/flatnet/web', '-path', '*torn:eth0/lease'])).split('\n');
      await sandbox.must('dd', ['if=/dev/null', `of=${lease}`]);
      const records = (await sandbox.must('grep', ['-rl', '"torn"', '/run/flatnet/hostport']))
        .split('\n')
        .filter(Boolean);
      for (const record of records) await sandbox.must('rm', [record]);
      const kinds = (await findings(1)).map(({ kind }) => kind);
      expect(kinds).toEqual(expect.arrayContaining(['lease-missing', 'unreadable-lease', 'orphan-rules']));
      expect(kinds).not.toContain('dead-attachment');
      await ok('detach', 'web', '--id', 'torn');
      await ok('ipam', 'gc');
      expect(await findings(0)).toEqual([]);
      await ok('check', 'web', '--id', 'kept');
      await ok('detach', 'web', '--id', 'kept');
    });
  });
});

describe('rules', () => {
  it('come back after nft flush ruleset: a real packet to the published port, and one to the outside', async () => {
    const { sandbox } = host;
    await withNetns(sandbox, ['outside', 'web', 'lost'], async ([, web, lost]) => {
      await sandbox.must('ip', ['link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'outside']);
      try {
        for (const args of [
          ['address', 'add', '192.0.2.1/24', 'dev', 'uplink'],
          ['link', 'set', 'dev', 'uplink', 'up'],
          ['-n', 'outside', 'address', 'add', '192.0.2.2/24', 'dev', 'eth0'],
          ['-n', 'outside', 'link', 'set', 'dev', 'eth0', 'up'],
        ]) {
          await sandbox.must('ip', args);
        }
        await ok('attach', 'web', '--netns', web!, '--id', 'web', '-p', '8080:80');
        const before = await countVeths();
        await ok('attach', 'web', '--netns', lost!, '--id', 'lost', '-p', '8086:80');
        await sandbox.deleteNetns('lost');
        await eventually('the veth pair is gone', async () => (await countVeths()) === before);
        await sandbox.must('nft', ['add', 'table', 'inet', 'theirs']);
        await withServer(sandbox, 'web', 80, async () => {
          expect(await fetchPage(sandbox, '192.0.2.1', 8080, 'outside')).toBe('served by web');
          await sandbox.must('nft', ['flush', 'ruleset']);
          await sandbox.must('nft', ['add', 'table', 'inet', 'theirs']);
          expect(await fetchPage(sandbox, '192.0.2.1', 8080, 'outside')).toBe('');
          const shown = Rules.parse(await json(1, 'rules', 'show'));
          expect(shown.filter(({ state }) => state === 'missing').map(({ kind }) => kind)).toEqual(
            expect.arrayContaining(['published', 'masquerade']),
          );
          // As systemd would: the unit's own command line.
          const unit = readFileSync(join(import.meta.dirname, '../configs/flatnet-rules.service'), 'utf8');
          const [, line = ''] = /^ExecReload=(.*)$/m.exec(unit) ?? [];
          const [file = '', ...args] = [...line.split(' '), '-o', 'json'];
          const reloaded = await sandbox.run(file, args, { env: environment(), timeoutMs: 300_000 });
          expect(reloaded, reloaded.stderr).toMatchObject({ exitCode: 0 });
          const { rebuilt, dropped, failed } = Reloaded.parse(JSON.parse(reloaded.stdout));
          expect(rebuilt.map(({ kind, containerId }) => [kind, containerId])).toEqual([
            ['published', 'web'],
            ['masquerade', 'web'],
            ['policy', 'web'],
          ]);
          expect(dropped).toEqual([{ network: 'web', containerId: 'lost', ifName: 'eth0' }]);
          expect(failed).toEqual([]);
          expect(await fetchPage(sandbox, '192.0.2.1', 8080, 'outside')).toBe('served by web');
        });
        await expectPing(sandbox, 'web', '192.0.2.2');
        await sandbox.must('nft', ['list', 'table', 'inet', 'theirs']);
        await sandbox.must('nft', ['delete', 'table', 'inet', 'theirs']);
        await ok('check', 'web', '--id', 'web');
        // Again, where nothing is missing: nothing is done.
        expect(await ok('rules', 'reload')).toBe('');
        await ok('ipam', 'gc');
        await ok('detach', 'web', '--id', 'web');
      } finally {
        await sandbox.must('ip', ['link', 'del', 'dev', 'uplink']);
      }
    });
  });

  it('reloaded by a unit file that systemd understands', async () => {
    const { sandbox } = host;
    const unit = join(import.meta.dirname, '../configs/flatnet-rules.service');
    const verify = (path: string): Promise<RunResult> => sandbox.run('systemd-analyze', ['verify', path]);
    expect(await verify(unit)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    // What it would say of a slip; an unknown key is no error for it.
    const slip = join(sandbox.folder, 'slip.service');
    writeFileSync(slip, readFileSync(unit, 'utf8').replace('ReloadPropagatedFrom=', 'ReloadPropagateFrom='));
    expect((await verify(slip)).stderr).toContain('ReloadPropagateFrom');
  });

  /** flatnet-portmap's table keeps the name of a bridge that ports were published on, and no reload brings it back. */
  const startClean = (): Promise<string> => host.sandbox.must('nft', ['flush', 'ruleset']);

  /** The whole ruleset, without handles and the order of what has none. */
  async function ruleset(): Promise<readonly string[]> {
    const listed = await host.sandbox.must('nft', ['-j', 'list', 'ruleset']);
    const { nftables } = JSON.parse(listed) as { nftables: Record<string, Json>[] };
    return nftables
      .filter((object) => !('metainfo' in object))
      .map((object, index) => {
        // Rules of a chain stand together, and their order counts.
        const place =
          'rule' in object ? nftables.slice(0, index).filter((other) => isSameChain(other, object)).length : 0;
        return JSON.stringify([place, object], (key, value: unknown) =>
          key === 'handle'
            ? undefined
            : key === 'elem' && Array.isArray(value)
              ? value.map((e) => JSON.stringify(e)).sort()
              : value,
        );
      })
      .sort();
  }
  const isSameChain = (one: Record<string, Json>, other: Record<string, Json>): boolean =>
    ['family', 'table', 'chain'].every((key) => one['rule']?.[key] === other['rule']?.[key]);

  async function pings(netns: string, source: string, target: string): Promise<boolean> {
    // What a ping before this one did not learn would fail this one too.
    await host.sandbox.must('ip', ['-n', netns, 'neigh', 'flush', 'all']);
    const words = ['ping', '-c', '1', '-W', '3', '-I', source, target];
    return (await host.sandbox.inNetns(netns, 'busybox', words)).exitCode === 0;
  }

  it('of guards and clamped segments come back just so: what was dropped is dropped again', async () => {
    const { sandbox } = host;
    const asked = ['--subnet', '10.87.8.0/24', '--opt', 'antiSpoof=true', '--opt', 'clampMSS=true'];
    await ok('network', 'create', 'guarded', ...asked);
    await withNetns(sandbox, ['honest', 'liar'], async ([honest, liar]) => {
      await startClean();
      await ok('attach', 'guarded', '--netns', honest!, '--id', 'honest', '-p', '8089:80');
      await ok(
        'attach',
        'guarded',
        '--netns',
        liar!,
        '--id',
        'liar',
        '--ip',
        '10.87.8.20',
        '--mac',
        '02:11:22:33:44:66',
      );
      await sandbox.must('ip', ['-n', 'liar', 'address', 'add', '10.87.8.99/24', 'dev', 'eth0']);
      const before = await ruleset();
      expect(await pings('liar', '10.87.8.99', '10.87.8.1')).toBe(false);

      await sandbox.must('nft', ['flush', 'ruleset']);
      expect(await pings('liar', '10.87.8.99', '10.87.8.1')).toBe(true);
      expect((await ctl(['check', 'guarded', '--id', 'honest'])).stderr).toContain('flatnetctl rules reload');
      const { rebuilt, failed } = Reloaded.parse(await json(0, 'rules', 'reload'));
      expect(failed).toEqual([]);
      expect(rebuilt.map(({ kind, containerId }) => [kind, containerId]).sort()).toEqual([
        ['guard', 'honest'],
        ['guard', 'liar'],
        ['masquerade', 'honest'],
        ['masquerade', 'liar'],
        ['mss', 'honest'],
        ['mss', 'liar'],
        ['policy', 'honest'],
        ['policy', 'liar'],
        ['published', 'honest'],
      ]);
      expect(await ruleset()).toEqual(before);
      expect(await pings('liar', '10.87.8.99', '10.87.8.1')).toBe(false);
      expect(await pings('liar', '10.87.8.20', '10.87.8.1')).toBe(true);
      await ok('check', 'guarded', '--id', 'honest');

      // Half of a guard is none: the chain stands, but nothing leads to it.
      await sandbox.must('nft', ['flush', 'map', 'bridge', 'flatnet', 'ports']);
      expect(await ok('rules', 'reload')).toMatch(
        /^rebuilt guard [0-9a-f:]{17} 10\.87\.8\.\d+ of \S+ on guarded\nrebuilt guard [^\n]+\n$/,
      );
      expect(await ruleset()).toEqual(before);
      for (const id of ['honest', 'liar']) await ok('detach', 'guarded', '--id', id);
    });
    await ok('network', 'rm', 'guarded');
  });

  it('of containers whose result nobody kept come back by lease; a MAC that only the container shows is not believed', async () => {
    const { sandbox } = host;
    await ok('network', 'create', 'unkept', '--subnet', '10.87.7.0/24', '--opt', 'antiSpoof=true');
    await withNetns(sandbox, ['plain', 'wished'], async ([plain, wished]) => {
      await startClean();
      await ok('attach', 'unkept', '--netns', plain!, '--id', 'plain');
      await ok('attach', 'unkept', '--netns', wished!, '--id', 'wished', '--mac', '02:11:22:33:44:66');
      const before = await ruleset();
      await sandbox.must('nft', ['flush', 'ruleset']);
      await sandbox.must('mv', ['/var/lib/cni/results', '/var/lib/cni/elsewhere']);
      const { exitCode, stdout, stderr } = await ctl(['rules', 'reload']);
      await sandbox.must('mv', ['/var/lib/cni/elsewhere', '/var/lib/cni/results']);
      expect({ exitCode, stdout }, stderr).toMatchObject({
        exitCode: 1,
        stdout: expect.stringContaining('of plain') as string,
      });
      expect(stderr).toMatch(
        /^missing guard unknown of wished on unkept: no result of ADD tells its MAC: restart the container\n/,
      );
      await ok('rules', 'reload');
      expect(await ruleset()).toEqual(before);
      for (const id of ['plain', 'wished']) {
        await ok('check', 'unkept', '--id', id);
        await ok('detach', 'unkept', '--id', id);
      }
    });
    await ok('network', 'rm', 'unkept');
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
    symlinkSync(example, join(netDir, 'flatnet.conflist'));
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
