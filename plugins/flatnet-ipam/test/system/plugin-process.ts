import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

const root = join(import.meta.dirname, '../../../..');

/** How one run of the plugin ended. `json` is the one document on stdout, if any. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly json: { ips?: { address: string }[]; code?: number; msg?: string; details?: string };
  readonly stdout: string;
}

export interface Call {
  readonly id?: string;
  readonly ifName?: string;
  readonly args?: string;
  readonly ipam?: object;
  readonly config?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** A program and arguments that run the plugin: strace, prlimit, unshare. */
  readonly under?: readonly string[];
}

/** The plugin's bundle run as processes against a store in a folder of its own, with a network namespace that it made. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'flatnet-ipam-'));
  readonly dataDir: string;
  readonly #netns = `fl-ipam-${process.pid}-${Math.trunc(performance.now())}`;

  constructor(readonly ipam: object = { subnet: '10.77.0.0/24' }) {
    this.dataDir = join(this.folder, 'data');
    must('ip', ['netns', 'add', this.#netns]);
  }

  remove(): void {
    spawnSync('ip', ['netns', 'delete', this.#netns]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs one command and waits for it. */
  run(verb: string, call: Call = {}): Ending {
    const [file, args, options] = this.#command(verb, call);
    const { status, signal, stdout } = spawnSync(file, args, { ...options, encoding: 'utf8' });
    return ending(status, signal, stdout);
  }

  /** Starts one command next to others. */
  start(verb: string, call: Call = {}): Promise<Ending> {
    const [file, args, { input, env }] = this.#command(verb, call);
    return new Promise((resolve) => {
      const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stdin.on('error', () => undefined).end(input);
      child.on('close', (status, signal) => resolve(ending(status, signal, stdout)));
    });
  }

  #command(verb: string, call: Call): [string, string[], { input: string; env: Record<string, string> }] {
    const [file = '', ...args] = [...(call.under ?? []), ...executable()];
    const ipam = { type: 'flatnet-ipam', dataDir: this.dataDir, ...(call.ipam ?? this.ipam) };
    const config = { cniVersion: '1.1.0', name: 'net', type: 'bridge', ipam, logFile: '/dev/null', ...call.config };
    const env = {
      PATH: process.env['PATH'] ?? '',
      CNI_COMMAND: verb,
      CNI_CONTAINERID: call.id ?? 'mine',
      CNI_IFNAME: call.ifName ?? 'eth0',
      CNI_NETNS: `/run/netns/${this.#netns}`,
      CNI_PATH: '/nonexistent',
      CNI_ARGS: call.args ?? '',
      ...call.env,
    };
    return [file, args, { input: JSON.stringify(config), env }];
  }

  get generation(): string {
    const net = join(this.dataDir, 'net');
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return join(net, `b-${bootId}`);
  }

  names(folder: string): string[] {
    const path = join(this.generation, folder);
    return existsSync(path) ? readdirSync(path).sort() : [];
  }

  /** Committed attachments. Asserts that addresses and leases are the same set of links, and that nothing is half done. */
  leases(): string[] {
    const attachments = this.names('at');
    const inodes = attachments.flatMap((name) => {
      const path = join(this.generation, 'at', name, 'lease');
      const { ips } = JSON.parse(readFileSync(path, 'utf8')) as { ips: string[] };
      return ips.map(() => lstatSync(path).ino);
    });
    const linked = this.names('ip').map((name) => lstatSync(join(this.generation, 'ip', name)).ino);
    expect(linked.sort()).toEqual(inodes.sort());
    expect(this.names('tmp')).toEqual([]);
    return attachments;
  }
}

let bundle: string | undefined;

/** FLATNET_IPAM (the built executable) if set; else Node with a bundle that is built once per test file. */
const executable = (): readonly string[] => {
  const given = process.env['FLATNET_IPAM'];
  if (given !== undefined) return [given];
  if (bundle === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'flatnet-ipam-bundle-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    const flags = ['--bundle', '--platform=node', '--format=esm', '--target=node20.19', '--log-level=error'];
    // proper-lockfile is CommonJS and asks for node: modules with require.
    const banner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";
    const entry = join(root, 'plugins/flatnet-ipam/src/main.ts');
    const out = join(folder, 'flatnet-ipam.mjs');
    must(join(root, 'node_modules/.bin/esbuild'), [entry, ...flags, `--banner:js=${banner}`, `--outfile=${out}`]);
    bundle = out;
  }
  return [process.execPath, bundle];
};

const must = (file: string, args: string[]): void => {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
};

const ending = (status: number | null, signal: NodeJS.Signals | null, stdout: string): Ending => ({
  status,
  signal,
  stdout,
  json: stdout === '' ? {} : (JSON.parse(stdout) as Ending['json']),
});
