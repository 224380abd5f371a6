/**
 * A host with names in memory: processes, a dnsmasq that listens, reads its folders and answers, and the lock. Files are real, in a folder of
 * the test.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run, RunResult } from '@flatnet/exec';
import { LockBusy } from '@flatnet/kernel/lock';
import { FakeKernel } from '@flatnet/kernel/testing';
import { portIn } from './conf.ts';
import { DnsFolder } from './folder.ts';
import type { Proc, Signal } from './proc.ts';
import type { Ask, World } from './world.ts';

export interface FakeProcess {
  readonly args: readonly string[];
  program: string;
  netns: string;
  /** Signals that it got. */
  readonly signals: Signal[];
  /** It does not end when it is asked to. */
  isStubborn: boolean;
}

/** A process that serves a configuration, with the names that it has read. */
export interface FakeServer extends FakeProcess {
  readonly conf: string;
  readonly port: number;
  isMute: boolean;
  names: ReadonlyMap<string, readonly string[]>;
}

const HOME = 'net:[1]';

const done = (more: Partial<RunResult>): RunResult => ({
  exitCode: 0,
  stdout: '',
  stderr: '',
  ending: 'exit',
  ...more,
});

export class FakeHost {
  readonly processes = new Map<number, FakeProcess>();
  /** Ports that other programs have. */
  readonly takenPorts = new Set<number>();
  /** dnsmasq's own refusal, in place of a start. */
  refusal: Partial<RunResult> | undefined;
  isLocked = false;
  readonly world: World;
  /** Rules that lead to other ports than 53 are in its tables. */
  readonly kernel = new FakeKernel();
  #nextPid = 100;

  /** @param stateDir a folder of the test. */
  constructor(stateDir: string) {
    const { kernel } = this;
    const run: Run = (file, args, options) =>
      file === 'dnsmasq' ? this.#start(args) : kernel.run(file, args, options);
    this.world = {
      kernel: Object.assign(Object.create(kernel) as FakeKernel, { run }),
      sys: () => {
        throw new Error('a unit test asks no libc');
      },
      folder: new DnsFolder(stateDir, 'boot.1'),
      proc: this.#proc,
      ask: this.#ask,
      lock: async ({ path, prepare }, work) => {
        if (this.isLocked) throw new LockBusy(path);
        prepare();
        return work();
      },
    };
  }

  /** The servers that live, in the order of their starts. */
  get servers(): readonly FakeServer[] {
    return [...this.processes.values()].filter((each): each is FakeServer => 'names' in each);
  }

  pidOf(process: FakeProcess): number {
    return [...this.processes].find(([, each]) => each === process)?.[0] ?? 0;
  }

  /** Another program, which has the number `pid` now. */
  addStranger(pid: number): FakeProcess {
    const stranger = { args: ['sleep', '9'], program: '/bin/sleep', netns: HOME, signals: [], isStubborn: false };
    this.processes.set(pid, stranger);
    return stranger;
  }

  readonly #proc: Proc = {
    pids: () => [...this.processes.keys()],
    argumentsOf: (pid) => this.processes.get(pid)?.args,
    programOf: (pid) => this.processes.get(pid)?.program,
    netnsOf: (pid) => (pid === 'self' ? HOME : this.processes.get(pid)?.netns),
    statOf: (pid) => (this.processes.has(pid) ? `${pid} (any) S ${Array(18).fill(0).join(' ')} ${pid}` : undefined),
    signal: (pid, name) => {
      const process = this.processes.get(pid);
      if (process === undefined) return;
      process.signals.push(name);
      if (name === 'SIGHUP') readNames(process);
      else if (name === 'SIGKILL' || !process.isStubborn) this.processes.delete(pid);
    },
  };

  async #start(args: readonly string[]): Promise<RunResult> {
    if (this.refusal !== undefined) return done({ exitCode: 5, ...this.refusal });
    const conf = (args[0] ?? '').replace('--conf-file=', '');
    const text = readFileSync(conf, 'utf8');
    const port = portIn(text) ?? 0;
    if (this.takenPorts.has(port) || this.servers.some((server) => server.port === port)) {
      return done({
        exitCode: 2,
        stderr: `failed to create listening socket for port ${port}: Address already in use`,
      });
    }
    const pid = (this.#nextPid += 1);
    const server: FakeServer = {
      ...{ args: ['dnsmasq', ...args], program: '/usr/sbin/dnsmasq', netns: HOME, signals: [], isStubborn: false },
      ...{ conf, port, isMute: false, names: new Map() },
    };
    this.processes.set(pid, server);
    readNames(server);
    writeFileSync(/^pid-file=(.*)$/m.exec(text)?.[1] ?? '', `${pid}\n`);
    return done({});
  }

  readonly #ask: Ask = ({ port }, name, type) => {
    const server = this.servers.find((each) => each.port === port);
    if (server === undefined || server.isMute) return undefined;
    const all = server.names.get(name);
    const addresses = (all ?? []).filter((address) => address.includes(':') === (type === 'AAAA'));
    return { rcode: all === undefined ? 3 : 0, addresses };
  };
}

/** As dnsmasq does at its start and at SIGHUP. */
function readNames(process: FakeProcess): void {
  const server = process as FakeServer;
  if (server.conf === undefined) return;
  const folders = [...readFileSync(server.conf, 'utf8').matchAll(/^addn-hosts=(.*)$/gm)].map(
    ([, folder = '']) => folder,
  );
  const names = new Map<string, string[]>();
  for (const folder of folders) {
    for (const file of readdirSync(folder)) {
      for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
        const [address = '', ...own] = line.split(' ');
        if (!line.startsWith('#')) for (const name of own) names.set(name, [...(names.get(name) ?? []), address]);
      }
    }
  }
  server.names = names;
}
