// flatnetctl brings rules back that were flushed. Real kernel, private host.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@flatnet/exec';
import { type Json } from '@flatnet/testing';
import { describe, expect, it } from 'vitest';
import { Reloaded, Rules } from './flatnetctl-schemas.ts';
import { expectPing, fetchPage, withNetns, withServer } from './fixture.ts';
import { useOperatorLab } from './operator-lab.ts';

const { host, environment, ctl, ok, json, eventually, countVeths } = useOperatorLab();

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
