import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

const dist = join(import.meta.dirname, '../../../../dist');

/** What is tested: the built executable. FLATNET_IPAM names another one. */
export const EXECUTABLE = process.env['FLATNET_IPAM'] ?? join(dist, 'bin/flatnet-ipam');
/** The same plugin as Node runs it. */
export const BUNDLE: readonly string[] = [process.execPath, join(dist, 'flatnet-ipam.mjs')];

/** Processes on a busy machine may wait long for their turn. */
export const TIMEOUT = { timeout: 300_000 };

/** How one run of the plugin ended. `json` is the one document on stdout, if any. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly json: { ips?: { address: string; gateway?: string }[]; code?: number; msg?: string; details?: string };
}

export interface Call {
  readonly id?: string;
  readonly args?: string;
  readonly ipam?: object;
  readonly config?: object;
  readonly env?: Readonly<Record<string, string>>;
  /** A program and arguments that run the plugin: strace, unshare, sh. */
  readonly under?: readonly string[];
  /** What is run instead of EXECUTABLE. */
  readonly program?: readonly string[];
  /** A file descriptor that becomes stdout. */
  readonly stdout?: number;
}

/** The plugin run as processes against a store in a folder of its own. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'flatnet-ipam-'));
  readonly dataDir = join(this.folder, 'data');

  /** @param main keys of the main plugin. */
  constructor(
    readonly ipam: object = { subnet: '10.77.0.0/24' },
    readonly main: object = {},
  ) {
    if (process.geteuid?.() !== 0) throw new Error('these tests mount, trace and change owners: run them as root');
    if (!existsSync(EXECUTABLE)) throw new Error(`no ${EXECUTABLE}: npm run build makes it`);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs one command and waits for it. */
  run(verb: string, call: Call = {}): Ending {
    const [file = '', ...args] = [...(call.under ?? []), ...(call.program ?? [EXECUTABLE])];
    const { status, signal, stdout } = spawnSync(file, args, {
      input: this.stdin(call),
      env: this.env(verb, call),
      encoding: 'utf8',
      stdio: ['pipe', call.stdout ?? 'pipe', 'ignore'],
    });
    const json = stdout ? (JSON.parse(stdout) as Ending['json']) : {};
    return { status, signal, json };
  }

  /** The address of an ADD, which must succeed. */
  add(id: string, call: Call = {}): string {
    const { status, json } = this.run('ADD', { ...call, id });
    expect(status, JSON.stringify(json)).toBe(0);
    return json.ips?.[0]?.address.split('/')[0] ?? '';
  }

  stdin(call: Call = {}): string {
    const ipam = { type: 'flatnet-ipam', dataDir: this.dataDir, ...(call.ipam ?? this.ipam) };
    const config = { cniVersion: '1.1.0', name: 'net', ...this.main, ipam, logFile: `${this.folder}/log` };
    return JSON.stringify({ ...config, ...call.config });
  }

  /** An address plugin looks into no namespace, so every process may use its own. */
  env(verb: string, call: Call = {}): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      CNI_COMMAND: verb,
      CNI_CONTAINERID: call.id ?? 'mine',
      CNI_IFNAME: 'eth0',
      CNI_NETNS: '/proc/self/ns/net',
      CNI_NETNS_OVERRIDE: '1',
      CNI_PATH: '/nonexistent',
      CNI_ARGS: call.args ?? '',
      ...call.env,
    };
  }

  /** The last line of the plugin's log. */
  logged(): Record<string, unknown> {
    const lines = readFileSync(`${this.folder}/log`, 'utf8').trim().split('\n');
    return JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;
  }

  generationOf(network: string): string {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return join(this.dataDir, network, `b-${bootId}`);
  }

  get generation(): string {
    return this.generationOf('net');
  }

  names(folder: string, network = 'net'): string[] {
    const path = join(this.generationOf(network), folder);
    return existsSync(path) ? readdirSync(path).sort() : [];
  }

  /** Committed attachments. Asserts that addresses and leases are the same set of links, and that nothing is half done. */
  leases(network = 'net'): string[] {
    const attachments = this.names('at', network);
    const generation = this.generationOf(network);
    const inodes = attachments.flatMap((name) => {
      const path = join(generation, 'at', name, 'lease');
      const { ips } = JSON.parse(readFileSync(path, 'utf8')) as { ips: string[] };
      return ips.map(() => lstatSync(path).ino);
    });
    const linked = this.names('ip', network).map((name) => lstatSync(join(generation, 'ip', name)).ino);
    expect(linked.sort()).toEqual(inodes.sort());
    expect(this.names('tmp', network)).toEqual([]);
    return attachments;
  }
}

export const must = (file: string, ...args: string[]): string => {
  const { status, stderr, stdout } = spawnSync(file, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return stdout;
};
