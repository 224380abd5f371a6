// Traits of the installed files: what their caller's environment, folder and descriptors cannot change, and their size.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, REFERENCE_BIN, type Json } from '@flatnet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { useSandbox, withNetns } from './fixture.ts';

const host = useSandbox();
const NAMES = [
  'flatnet',
  'flatnet-ipam',
  'flatnet-portmap',
  'flatnet-bandwidth',
  'flatnet-tuning',
  'flatnet-dns',
  'flatnet-firewall',
];
let trap: string;

// A folder that would run code, or set variables, in a Bun or Node program that loads what lies where its caller stands.
beforeAll(() => {
  trap = join(host.sandbox.folder, 'trap');
  mkdirSync(trap);
  writeFileSync(join(trap, 'preload.js'), `require('fs').writeFileSync(${JSON.stringify(join(trap, 'ran'))}, '');`);
  writeFileSync(join(trap, 'bunfig.toml'), 'preload = ["./preload.js"]\n');
  writeFileSync(join(trap, '.env'), 'CNI_COMMAND=DEL\n');
  writeFileSync(join(trap, 'package.json'), '{"type":"commonjs"}');
});

/** Runs a shell line (the test's own, no input from outside) with the executable as $0. */
const shell = async (line: string, file: string, env: Record<string, string> = {}): Promise<Json | undefined> => {
  const result = await host.sandbox.run('bash', ['-c', line, file], { env: { PATH: '/usr/bin:/bin', ...env } });
  const [first] = result.stdout.split('\n');
  return first ? (JSON.parse(first) as Json) : undefined;
};
const version = { supportedVersions: expect.arrayContaining(['0.4.0', '1.1.0']) as unknown };

describe.each(NAMES)('%s', (name) => {
  const file = join(BIN, name);

  it('answers with nothing in the environment but the verb', async () => {
    expect(await shell('exec env -i CNI_COMMAND=VERSION "$0" </dev/null', file)).toMatchObject(version);
  });

  it.each([
    { NODE_OPTIONS: '--require /nonexistent.js' },
    { NODE_PATH: '/nonexistent' },
    { BUN_OPTIONS: '--preload /nonexistent.js' },
    { BUN_BE_BUN: '1' },
    { BUN_INSPECT: 'ws://127.0.0.1:1/x' },
    { HOME: '/nonexistent', XDG_RUNTIME_DIR: '' },
  ])('is not changed by %j', async (env) => {
    expect(await shell('CNI_COMMAND=VERSION exec "$0" </dev/null', file, env as Record<string, string>)).toMatchObject(
      version,
    );
  });

  it('loads nothing from the working directory', async () => {
    expect(await shell(`cd ${trap}; CNI_COMMAND=VERSION exec "$0" </dev/null`, file)).toMatchObject(version);
    // Without CNI_COMMAND it is an error of code 4, not the DEL of the trap's .env.
    expect(await shell(`cd ${trap}; "$0" </dev/null`, file)).toMatchObject({ code: 4 });
    expect(readdirSync(trap)).not.toContain('ran');
  });

  it('works with stdin, or stderr, closed', async () => {
    expect(await shell('CNI_COMMAND=VERSION exec "$0" <&-', file)).toMatchObject(version);
    expect(await shell('CNI_COMMAND=VERSION exec "$0" </dev/null 2>&-', file)).toMatchObject(version);
    expect(await shell('CNI_COMMAND=STATUS CNI_PATH=/x "$0" <&-', file)).toMatchObject({ code: 6 });
  });

  it('works from a folder that the plugin may not read', async () => {
    expect(await shell('cd /proc/1/task; CNI_COMMAND=VERSION exec "$0" </dev/null', file)).toMatchObject(version);
  });

  it('says its name and version, and helps', async () => {
    const { run } = host.sandbox;
    expect((await run(file, ['--version'])).stdout).toMatch(/\d+\.\d+\.\d+/);
    expect((await run(file, ['--help'])).stdout + (await run(file, ['--help'])).stderr).toContain(name);
  });

  it('goes by the name that it is installed under', async () => {
    const elsewhere = join(host.sandbox.folder, `bin-${name}`);
    await host.sandbox.must('mkdir', ['-p', elsewhere]);
    await host.sandbox.must('cp', [file, join(elsewhere, name)]);
    expect(
      await shell('CNI_COMMAND=VERSION exec -a "$(basename "$0")" "$0" </dev/null', join(elsewhere, name)),
    ).toMatchObject(version);
    expect(await shell(`cd ${elsewhere}; CNI_COMMAND=VERSION exec ./${name} </dev/null`, file)).toMatchObject(version);
  });
});

describe.each([
  ['was deleted', 'mkdir gone; cd gone; rmdir ../gone'],
  ['is on a file system that was taken away', 'mkdir away; mount -t tmpfs tmpfs away; cd away; umount -l "$PWD"'],
])('from a working directory that %s', (_, leave) => {
  const inFolder = (line: string, file: string, env: Record<string, string> = {}) =>
    host.sandbox.run('bash', ['-c', `cd ${host.sandbox.folder}; ${leave}; ${line}`, file], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    });

  it.each(['flatnet-ipam', 'host-local'])('ADD and DEL work, with %s', async (type) => {
    await withNetns(host.sandbox, ['lost'], async ([netns]) => {
      const ipam = { type, subnet: '10.61.0.0/24', dataDir: join(host.sandbox.folder, 'leases') };
      const config = JSON.stringify({ cniVersion: '1.0.0', name: 'lost', type: 'flatnet', bridge: 'lost0', ipam });
      const call = (verb: string) =>
        inFolder(`echo '${config}' | "$0"`, join(BIN, 'flatnet'), {
          ...{ CNI_COMMAND: verb, CNI_CONTAINERID: 'c1', CNI_NETNS: netns!, CNI_IFNAME: 'eth0' },
          CNI_PATH: `${BIN}:${REFERENCE_BIN}`,
        });
      const added = await call('ADD');
      expect(added, added.stdout + added.stderr).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(added.stdout)).toMatchObject({ ips: [{ address: expect.stringContaining('10.61.0.') }] });
      expect(await call('DEL')).toMatchObject({ exitCode: 0, stdout: '' });
      expect(await host.sandbox.run('ip', ['link', 'show', 'type', 'veth'])).toMatchObject({ stdout: '' });
    });
    await host.sandbox.run('ip', ['link', 'delete', 'lost0']);
    await host.sandbox.run('rm', ['-rf', join(host.sandbox.folder, 'leases')]);
  });

  it('flatnetctl works, and refuses a relative path clearly', async () => {
    const file = join(BIN, 'flatnetctl');
    expect(await inFolder('"$0" network ls --net-dir /nonexistent', file)).toMatchObject({ exitCode: 0 });
    const relative = await inFolder('"$0" network ls --net-dir conf', file);
    expect(relative).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('absolute path') });
  });
});

describe('flatnetctl', () => {
  it('takes relative paths from its working directory, whatever PWD says', async () => {
    const conf = join(host.sandbox.folder, 'conf.d');
    await host.sandbox.must('mkdir', ['-p', conf]);
    writeFileSync(join(conf, 'here.conflist'), '{"cniVersion":"1.0.0","name":"here","plugins":[{"type":"flatnet"}]}');
    for (const line of ['cd conf.d/..; exec "$0"', 'exec env -C . PWD=/ "$0"', 'unset PWD; exec "$0"']) {
      const shown = await host.sandbox.run(
        'bash',
        ['-c', `cd ${host.sandbox.folder}; ${line} network ls --net-dir conf.d`, join(BIN, 'flatnetctl')],
        { env: { PATH: '/usr/bin:/bin' } },
      );
      expect(shown.stdout).toContain('here');
    }
  });
});

describe('together', () => {
  it('the executables take at most 130 MB of disk', () => {
    const blocks = new Map(NAMES.map((name) => statSync(join(BIN, name))).map(({ ino, blocks }) => [ino, blocks]));
    const bytes = [...blocks.values()].reduce((sum, count) => sum + count * 512, 0);
    expect(bytes / 1e6).toBeLessThanOrEqual(130);
  });
});
