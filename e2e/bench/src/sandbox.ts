import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command, Sample } from './sample.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const BUN = createRequire(join(ROOT, 'package.json')).resolve(
  `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}/bin/bun`,
);
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs a tool of the set-up, unmeasured. @throws when it fails. */
export function tool(file: string, args: readonly string[], input = ''): string {
  return execFileSync(file, args, { input, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'pipe'] });
}

export const netnsPath = (name: string): string => `/run/netns/${name}`;

/**
 * Empty /run and /var/lib/cni for this process and its children. e2e/bin/bench has unshared the mount namespace, so the machine
 * keeps its own. Both on tmpfs: leases of all sides are equally far from a disk.
 */
export function isolateState(): void {
  for (const path of ['/run', '/var/lib/cni']) {
    mkdirSync(path, { recursive: true });
    tool('mount', ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', path]);
  }
  mkdirSync('/run/bench');
  tool('ip', ['link', 'set', 'lo', 'up']);
}

/** Makes network namespaces, many at once. */
export const makeNetns = (names: readonly string[]): void => {
  tool('ip', ['-batch', '-'], names.map((name) => `netns add ${name}\n`).join(''));
};

/** One private network namespace that plays the host, and a runner inside it. */
export class Sandbox {
  readonly #runner: ChildProcess;
  readonly #waiting = new Map<number, (sample: Sample) => void>();
  #next = 0;

  /**
   * `enter`: how the runner gets into the namespace. `ip netns exec` shows a /sys that belongs to it; under `nsenter` /sys stays the
   * machine's, with its control groups, which a container runtime needs.
   */
  constructor(
    readonly name: string,
    enter: 'ip' | 'nsenter' = 'ip',
  ) {
    makeNetns([name]);
    tool('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    const words = enter === 'ip' ? ['ip', 'netns', 'exec', name] : ['nsenter', `--net=${netnsPath(name)}`];
    const [file, ...args] = [...words, BUN, join(ROOT, 'dist/bench/runner.mjs')];
    this.#runner = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#runner.stdout! }).on('line', (line) => {
      const { id, sample } = JSON.parse(line) as { id: number; sample: Sample };
      this.#waiting.get(id)?.(sample);
      this.#waiting.delete(id);
    });
  }

  /** Starts a program in the sandbox; several may run at once. */
  run(command: Command): Promise<Sample> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#runner.stdin!.write(`${JSON.stringify({ id, command })}\n`);
    });
  }

  /** A tool of the set-up inside the sandbox, unmeasured. @throws when it fails. */
  tool(file: string, args: readonly string[], input = ''): string {
    return tool('ip', ['netns', 'exec', this.name, file, ...args], input);
  }

  stop(): void {
    this.#runner.kill();
  }
}

/** As `Sandbox.run`, for programs that must succeed. */
export async function must(sandbox: Sandbox, command: Command): Promise<Sample> {
  const sample = await sandbox.run(command);
  if (sample.exitCode === 0) return sample;
  const words = `${sample.stdout} ${sample.stderr}`.trim().slice(0, 600);
  const verb = command.env?.['CNI_COMMAND'] ?? (command.args ?? []).join(' ');
  throw new Error(`${sandbox.name}: ${command.file} ${verb}: exit code ${sample.exitCode}: ${words}`);
}
