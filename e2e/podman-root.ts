/** A host of its own with the Podman of another Debian, and flatnet as driver of its netavark. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execaRun } from '@flatnet/exec/execa';
import type { RunResult } from '@flatnet/exec';
import { BIN } from '@flatnet/testing';

export interface PodmanRoot {
  /** Any program of that host. */
  run(file: string, ...args: string[]): Promise<RunResult>;
  podman(...args: string[]): Promise<RunResult>;
  /** Rejects with Podman's words unless it succeeds. Answers stdout without the last newline. */
  must(...args: string[]): Promise<string>;
  /** A line of shell. */
  shell(line: string): Promise<string>;
  close(): Promise<void>;
}

const SCRIPTS = join(import.meta.dirname, 'bin');
const NAMESPACES = [
  '--mount',
  '--net',
  '--pid',
  '--ipc',
  '--uts',
  '--fork',
  '--kill-child',
  '--propagation',
  'private',
];
const ENVIRONMENT = {
  ...{ PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
  ...{ CONTAINERS_CONF: '/run/containers.conf', CONTAINERS_STORAGE_CONF: '/run/storage.conf' },
};

export async function openPodmanRoot(version: 5 | 6): Promise<PodmanRoot> {
  const root = execFileSync(join(SCRIPTS, 'fetch-podman'), [String(version)], { encoding: 'utf8' }).trim();
  const holder = spawn('unshare', [...NAMESPACES, join(SCRIPTS, 'podman-root'), root, BIN], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    holder.stdout.once('data', resolve);
    holder.once('exit', () => reject(new Error('the host of Podman could not be made')));
  });
  const children = (): string => readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim();
  const pid = children();
  const run: PodmanRoot['run'] = (file, ...args) =>
    execaRun('nsenter', ['-t', pid, '-m', '-n', '-p', '-i', '-u', '-r', '-w', file, ...args], {
      ...{ env: ENVIRONMENT, timeoutMs: 120_000 },
    });
  const podman: PodmanRoot['podman'] = (...args) => run('podman', ...args);
  const must: PodmanRoot['must'] = async (...args) => {
    const result = await podman(...args);
    if (result.exitCode === 0) return result.stdout.trimEnd();
    throw new Error(`podman ${args.join(' ')}: ${result.exitCode}: ${result.stderr}${result.stdout}`);
  };
  await must('import', '--quiet', '/tmp/image.tar', 'busybox');
  return {
    ...{ run, podman, must },
    shell: async (line) => (await run('bash', '-c', line)).stdout.trimEnd(),
    async close() {
      const ended = new Promise((resolve) => holder.once('exit', resolve));
      holder.stdin.end();
      await Promise.race([ended, sleep(5_000).then(() => holder.kill('SIGKILL'))]);
    },
  };
}
