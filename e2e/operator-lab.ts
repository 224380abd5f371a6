// A private host with network web, and flatnetctl as operators and runtimes call it there.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunOptions, RunResult } from '@flatnet/exec';
import { BIN } from '@flatnet/testing';
import { beforeAll, expect } from 'vitest';
import type { Findings } from './flatnetctl-schemas.ts';
import { Leases, Report } from './flatnetctl-schemas.ts';
import { useSandbox } from './fixture.ts';

export const WEB = '10.87.0.0/24';

/** To be called once, outside of tests. */
export function useOperatorLab() {
  const host = useSandbox();
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

  return {
    ...{ host, environment, ctl, expectExit, ok, json, eventually, findings, dead, addressOf },
    ...{ startNameless, killContainer, countVeths },
    get netDir() {
      return netDir;
    },
  };
}
