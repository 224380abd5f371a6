// flatnetctl finds leases and rules of the dead, and frees them. Real kernel, private host.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, type Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { Freed, Report, Rules } from './flatnetctl-schemas.ts';
import { fetchPage, withNetns, withServer } from './fixture.ts';
import { useOperatorLab } from './operator-lab.ts';

const lab = useOperatorLab();
const {
  host,
  environment,
  ctl,
  expectExit,
  ok,
  json,
  eventually,
  findings,
  dead,
  addressOf,
  startNameless,
  killContainer,
  countVeths,
} = lab;

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
    writeFileSync(join(lab.netDir, 'slow.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'slow', plugins }));
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

describe('what is told', () => {
  it('who has a port, by the name of the namespace; logs -f follows, and --since leaves out what was before', async () => {
    const { sandbox } = host;
    await sandbox.addNetns('told');
    const [file, pidFile] = ['followed', 'follower.pid'].map((name) => join(sandbox.folder, name)) as [string, string];
    const line = 'echo $$ >"$1"; exec "$0" logs -f -n 0 --network web -o json >"$2"';
    const follower = sandbox.run('bash', ['-c', line, join(BIN, 'flatnetctl'), pidFile, file], { timeoutMs: 120_000 });
    for (let tries = 0; tries < 100 && (await sandbox.run('cat', [file])).stdout === ''; tries++) {
      await ok('attach', 'web', '--netns', 'told', '-p', '8085:80');
      expect(await ok('rules', 'show', '--port', '8085')).toMatch(/8085\/tcp on 0\.0\.0\.0/);
      expect(await expectExit(1, 'rules', 'show', '--port', '8086')).toBe('');
      await ok('detach', 'web', '--netns', 'told');
    }
    await sandbox.must('sh', ['-c', 'kill "$(cat "$0")"', pidFile]);
    await follower;
    expect(await sandbox.must('cat', [file])).toContain('"network":"web"');
    expect(await ok('logs', '--since', '1h', '-n', '1')).not.toBe('');
    expect(await ok('logs', '--since', '2999-01-02')).toBe('');
    await expectExit(2, 'logs', '--since', 'yesterday');
    await sandbox.deleteNetns('told');
  });

  it('a network that was tried or removed leaves no lease folder', async () => {
    const folders = async (): Promise<string> => (await host.sandbox.run('ls', ['/run/cni/flatnet'])).stdout;
    const before = await folders();
    await ok('network', 'create', 'tried', '--dry-run');
    expect(await folders()).toBe(before);
    await ok('network', 'create', 'gone');
    await host.sandbox.addNetns('told');
    await ok('attach', 'gone', '--netns', 'told');
    await ok('detach', 'gone', '--netns', 'told');
    await ok('network', 'rm', 'gone');
    expect(await folders()).toBe(before);
    await host.sandbox.deleteNetns('told');
  });
});
