import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunOptions, RunResult } from '@flatnet/exec';
import { execaRun } from '@flatnet/exec/execa';
import { execa } from 'execa';

/**
 * A private "host" for tests: network, mount and process namespaces of its own, in which /run and /var/lib are empty tmpfs.
 * Whatever runs inside (plugins, Podman, reference plugins) can neither see nor change the machine's links, rules, leases or netns.
 */
export interface Sandbox {
  /** A scratch folder on the machine's disk, the same path inside and outside; removed by `close`. */
  readonly folder: string;
  /** Path of its network namespace, as seen from outside. */
  readonly netns: string;
  /** Runs a program inside; `file` is absolute or a bare name of a system tool. Never rejects for a non-zero exit. */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Like `run`, rejects with the tool's own words unless the exit code is 0. Answers stdout. */
  must(file: string, args: readonly string[], options?: RunOptions): Promise<string>;
  /** Creates a container's network namespace with its loopback up, and answers its path. */
  addNetns(name: string): Promise<string>;
  /** Removes it; it is no error if it is gone. */
  deleteNetns(name: string): Promise<void>;
  /** Runs a program in a container's network namespace. */
  inNetns(name: string, file: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * Waits until every program that was run inside has ended, those included whose starter was killed; `but` names those that may stay.
   * Rejects with their names after 30 s.
   */
  idle(but?: readonly string[]): Promise<void>;
  /** Ends every process inside and removes the folder. */
  close(): Promise<void>;
}

/**
 * Process 1 of the sandbox: it only reaps, as bash does with whatever becomes its child. Podman waits for ever for a conmon that is not
 * reaped. It ends with the pipe from the test, and so with a test that was killed.
 */
const REAPER = 'read -r';

/** Makes a sandbox. Needs root; rejects with the tool's words otherwise. */
export async function openSandbox(): Promise<Sandbox> {
  const namespaces = [
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--propagation',
    'private',
  ];
  const holder = execa('unshare', [...namespaces, 'bash', '-c', REAPER], { reject: false, stdin: 'pipe' });
  if (holder.pid === undefined) throw new Error('unshare (package util-linux) could not be started');
  const pid = await reaperOf(holder.pid);
  const sandbox = insideOf(pid, async () => {
    // With its first process a process namespace loses all the others.
    holder.kill('SIGKILL');
    await holder;
  });
  await prepare(sandbox);
  return sandbox;
}

/** The child of `unshare`, once it has become the reaper. */
async function reaperOf(holder: number): Promise<number> {
  for (let tries = 0; tries < 500; tries++) {
    const child = Number(readFileOr(`/proc/${holder}/task/${holder}/children`).trim());
    if (child > 0 && readFileOr(`/proc/${child}/comm`).trim() === 'bash') return child;
    await sleep(10);
  }
  throw new Error('no private namespaces within 5 s: are you root, and may you make network namespaces?');
}

function readFileOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function prepare(sandbox: Sandbox): Promise<void> {
  for (const folder of ['/run', '/var/lib']) {
    await sandbox.must('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', folder]);
  }
  await sandbox.must('mkdir', ['-p', '/run/netns', '/run/lock', '/var/lib/cni', '/var/lib/containers']);
  await sandbox.must('ip', ['link', 'set', 'dev', 'lo', 'up']);
}

function insideOf(pid: number, end: () => Promise<void>): Sandbox {
  const folder = mkdtempSync(join(tmpdir(), 'flatnet-e2e-'));
  const run: Sandbox['run'] = (file, args, options = {}) =>
    execaRun('nsenter', ['--target', `${pid}`, '--net', '--mount', '--pid', '--', file, ...args], {
      timeoutMs: 60_000,
      ...options,
    });
  const must: Sandbox['must'] = async (file, args, options) => {
    const result = await run(file, args, options);
    if (result.exitCode === 0) return result.stdout;
    throw new Error(`${file} ${args.join(' ')}: ${result.ending} ${result.exitCode}: ${result.stderr}${result.stdout}`);
  };
  return {
    folder,
    netns: `/proc/${pid}/ns/net`,
    run,
    must,
    async addNetns(name) {
      await must('ip', ['netns', 'add', name]);
      await must('ip', ['-n', name, 'link', 'set', 'dev', 'lo', 'up']);
      return `/run/netns/${name}`;
    },
    async deleteNetns(name) {
      await run('ip', ['netns', 'delete', name]);
    },
    async idle(but = []) {
      // The one that asks is there too. A child before its exec still bears a name of its parent's, whatever that is.
      const own = ['ps', ...but];
      let left: readonly string[] = [];
      for (const end = Date.now() + 30_000; Date.now() < end; await sleep(10)) {
        const rows = (await must('ps', ['-e', '-o', 'pid=,comm='])).split('\n').map((row) => row.trim().split(/ +/));
        left = rows.flatMap(([pid = '', comm = '']) => (pid === '' || pid === '1' || own.includes(comm) ? [] : [comm]));
        if (left.length === 0) return;
      }
      throw new Error(`still running after 30 s: ${left.join(', ')}`);
    },
    inNetns: (name, file, args, options) => run('ip', ['netns', 'exec', name, file, ...args], options),
    async close() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
