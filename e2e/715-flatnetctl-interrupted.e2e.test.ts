// A command of flatnetctl that is interrupted at each of its steps leaves what was before it. Real kernel, private host.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BIN } from '@flatnet/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { operatorOf } from './operator.ts';

const host = useSandbox();
let netDir: string;
let temporary: string;

beforeAll(async () => {
  netDir = join(host.sandbox.folder, 'net.d');
  temporary = join(host.sandbox.folder, 'tmp');
  mkdirSync(temporary);
  await operatorOf(host.sandbox, netDir).must('network', 'create', 'web');
});

/** Links, namespaces, routes, settings, leases, records of runtimes, temporary files, configurations; rules are in the leak check of each test. */
const STATE = String.raw`
ip -br link | sed 's/[@ ].*//'
ip netns | sed 's/ .*//'; { ip -4 route; ip -6 route | grep -v fe80; } | sed 's/ linkdown//; s/ *$//'; ip rule
sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv6.conf.all.accept_ra
find /run/cni /var/lib/cni -type f ! -name 'cur.*' ! -name segment ! -name '*.log' 2>/dev/null | sort
find "$TMPDIR" "$NETCONFPATH" | sort`;

const environment = (): Record<string, string> => ({
  ...{ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NETCONFPATH: netDir, CNI_PATH: BIN, TMPDIR: temporary },
});
const shell = (script: string): Promise<string> => host.sandbox.must('bash', ['-c', script], { env: environment() });

/**
 * Runs flatnetctl in a process group of its own, reads `lines` lines of it, and signals the whole group, as a terminal does.
 *
 * @returns its exit code.
 */
const interrupt = async (lines: number, signals: readonly string[], ...args: string[]): Promise<number> => {
  const kills = signals.map((signal) => `kill -${signal} -$pid 2>/dev/null; sleep 0.05`).join('; ');
  const words = args.map((arg) => `'${arg}'`).join(' ');
  const command = `setsid bash -c 'echo $$; exec "$@" 2>&1' bash ${join(BIN, 'flatnetctl')} ${words}`;
  const script = `exec 3< <(${command}; echo "exit $?"); read -r -u 3 pid
    for n in $(seq ${lines}); do read -r -u 3 line; done; ${lines === 0 ? 'sleep 0.05;' : ''} ${kills}
    sed -n 's/^exit //p' <&3`;
  return Number(await shell(script));
};

describe('interrupted', () => {
  it.each([
    [0, ['INT'], ['test']],
    [1, ['INT', 'INT'], ['test']],
    [2, ['INT'], ['test', '--network', 'web']],
    [6, ['INT', 'INT', 'TERM'], ['test', '--network', 'web']],
    [8, ['HUP'], ['test']],
  ] as const)('after %i lines, by %j: %j', async (lines, signals, args) => {
    const before = await shell(STATE);
    expect(await interrupt(lines, signals, ...args)).toBeGreaterThan(128);
    expect(await shell(STATE)).toBe(before);
  });

  it('attach and network create have made all that was asked for, or nothing', async () => {
    const { sandbox } = host;
    const path = await sandbox.addNetns('c1');
    const operator = operatorOf(sandbox, netDir);
    // The bridge stays after the first one.
    await operator.must('attach', 'web', '--netns', path);
    await operator.must('detach', 'web', '--netns', path);
    const before = await shell(STATE);
    for (const signals of [['INT'], ['TERM', 'INT']]) {
      const code = await interrupt(0, signals, 'attach', 'web', '--netns', path);
      if (code === 0) await operator.must('detach', 'web', '--netns', path);
      expect(await shell(STATE)).toBe(before);
      if ((await interrupt(0, signals, 'network', 'create', 'other')) === 0)
        await operator.must('network', 'rm', 'other');
      expect(await shell(STATE)).toBe(before);
    }
    await sandbox.deleteNetns('c1');
  });

  it('install has put all files in place, or none', async () => {
    const at = join(host.sandbox.folder, 'installed');
    const where = ['plugin', 'bin', 'driver', 'state'].flatMap((name) => [`--${name}-dir`, join(at, name)]);
    const code = await interrupt(0, ['INT', 'INT'], 'install', ...where);
    const files = (await shell(`find ${at} ! -type d 2>/dev/null | wc -l`)).trim();
    expect([code, files]).toEqual(code === 0 ? [0, '11'] : [code, '0']);
  });
});
