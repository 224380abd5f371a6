import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import { parseIp, type Ip } from '@flatnet/addressing';
import { openStore, type Choice, type LeaseKey, type LeaseStore, type StoreView } from '@flatnet/store';
import { realFiles, type Files, type Processes } from '@flatnet/store/testing';

/** What a killed process "throws": nothing in it runs any more, whatever it has in `catch` and `finally`. */
export class Killed extends Error {}

type Hook = (call: string, index: number) => void;

const CHANGES = [
  'mkdir',
  'rmdir',
  'create',
  'overwrite',
  'link',
  'rename',
  'unlink',
  'setMtime',
  'removeTree',
] as const;

/** The real file calls, with `hook` before each change. After a kill every call throws. */
export const hooked = (hook: Hook): Files => {
  let index = 0;
  let isDead = false;
  const files = { ...realFiles } as Record<string, (...args: never[]) => unknown>;
  for (const name of Object.keys(realFiles)) {
    const real = files[name]!;
    const isChange = (CHANGES as readonly string[]).includes(name);
    files[name] = (...args) => {
      if (isDead) throw new Killed();
      try {
        if (isChange) hook(name, index++);
      } catch (error) {
        isDead = error instanceof Killed;
        throw error;
      }
      return real(...args);
    };
  }
  return files as unknown as Files;
};

export const killAt =
  (victim: number): Hook =>
  (_call, index) => {
    if (index === victim) throw new Killed();
  };

/** Which store of the host a process opens. */
export interface Place {
  readonly network?: string;
  readonly segment?: string;
}

const sorted = (links: (readonly [string, number])[]) => links.sort(([left], [right]) => (left < right ? -1 : 1));

/** A host with one store: simulated processes are numbered, and live until they are said to be dead. */
export class Host {
  readonly dataDir = `${mkdtempSync(`${tmpdir()}/flatnet-store-`)}/data`;
  bootId = '11111111-1111-1111-1111-111111111111';
  now = 1000;
  /** The bridge of every network of this host. */
  segment: string | undefined;
  readonly dead = new Set<string>();
  #count = 0;

  /** A new process. Those that ended are dead to the others, like real ones. */
  process(hook: Hook = () => undefined, place: Place = {}): { readonly store: LeaseStore; end(): void } {
    const self = `${++this.#count}.1.1-1`;
    const processes: Processes = {
      bootId: this.bootId,
      self,
      stateOf: (owner) => (this.dead.has(owner) || !/^\d+\.\d+\.\d+-\d+$/.test(owner) ? 'dead' : 'alive'),
      uptime: () => this.now,
    };
    const { network = 'net', segment } = { segment: this.segment, ...place };
    const shared = segment === undefined ? {} : { segment };
    const store = openStore({ dataDir: this.dataDir, network, ...shared, files: hooked(hook), processes });
    return { store, end: () => this.dead.add(self) };
  }

  /** Runs one operation in a process of its own; a kill is an end like any other. */
  async run<T>(work: (store: LeaseStore) => T | Promise<T>, hook?: Hook, place?: Place): Promise<T | undefined> {
    const { store, end } = this.process(hook, place);
    try {
      return await work(store);
    } catch (error) {
      if (error instanceof Killed) return undefined;
      throw error;
    } finally {
      end();
    }
  }

  get generation(): string {
    return this.generationOf('net');
  }

  generationOf(network: string): string {
    return `${this.dataDir}/${network}/b-${this.bootId}`;
  }

  names(folder: string, network = 'net'): string[] {
    return realFiles
      .list(`${this.generationOf(network)}/${folder}`)
      .slice()
      .sort();
  }

  /** Committed leases as `attachment -> addresses`. */
  leases(network = 'net'): Map<string, string[]> {
    const entries = this.names('at', network).map((name): [string, string[]] => {
      const text = readFileSync(`${this.generationOf(network)}/at/${name}/lease`, 'utf8');
      return [name, (JSON.parse(text) as { ips: string[] }).ips];
    });
    return new Map(entries);
  }

  /** Invariants of the store while no process works on it: each address name is a link of exactly one committed record that lists it. */
  assertConsistent(networks: readonly string[] = ['net']): void {
    const all = networks.flatMap((network) => {
      const expected = [...this.leases(network)].flatMap(([name, ips]) =>
        ips.map(
          (ip) => [fileName(parseIp(ip)), lstatSync(`${this.generationOf(network)}/at/${name}/lease`).ino] as const,
        ),
      );
      expect(this.#linksIn(network)).toEqual(sorted(expected));
      expect(this.names('tmp', network)).toEqual([]);
      return expected;
    });
    expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
    if (this.segment !== undefined) expect(this.#linksIn(`=${this.segment}`)).toEqual(sorted(all));
  }

  #linksIn(folder: string): (readonly [string, number])[] {
    return this.names('ip', folder).map((name) => [name, lstatSync(`${this.generationOf(folder)}/ip/${name}`).ino]);
  }

  remove(): void {
    rmSync(this.dataDir.slice(0, -'/data'.length), { recursive: true, force: true });
  }

  everything(): string[] {
    return readdirSync(this.dataDir, { recursive: true }).map(String).sort();
  }
}

const fileName = (ip: Ip): string => `${ip.family}-${ip.toHex()}`;

export const key = (containerId: string, ifName = 'eth0'): LeaseKey => ({ containerId, ifName });

/** The simplest allocator: the first free one of a list, for each of the lists. */
export const firstOf =
  (...pools: readonly (readonly string[])[]) =>
  (view: StoreView): Choice[] =>
    pools.map((pool, index) => {
      const ip = pool.map(parseIp).find((candidate) => !view.isTaken(candidate));
      if (ip === undefined) throw new Error('pool is full');
      return { ip, pool: String(index) };
    });

export const add = (
  store: LeaseStore,
  attachment: LeaseKey,
  choose: (view: StoreView) => readonly Choice[],
  abandoned = () => false,
) => store.claim({ network: 'net', attachment, choose, isAbandoned: abandoned });
