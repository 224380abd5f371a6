import { parseIp, type Ip } from '@flatnet/addressing';
import { ensureFolder, type AddressFolder, type Layout } from './generation.ts';
import type { Files } from './files.ts';
import { cursorName, ipName, ipOfName, rememberedName } from './names.ts';
import type { Processes } from './process.ts';
import { readRecord, type Lease } from './record.ts';

/** What an allocator may look at. Everything is a moment's truth: only the claim itself decides. */
export interface StoreView {
  isTaken(ip: Ip): boolean;
  /** The lease that holds an address, of this network or of a sibling in its segment; undefined when it is free, or its record cannot be read. */
  holderOf(ip: Ip): Lease | undefined;
  /** Whether any of the addresses was released under `cooldown` less than so many seconds ago. */
  isCooling(ip: Ip, seconds: number): boolean;
  /** All taken addresses by `ipName`, of siblings too, sorted, each once. */
  takenNames(): readonly string[];
  /** The address last given from a pool. */
  cursor(pool: string): Ip | undefined;
  /** The addresses that a container of this name had last. */
  remembered(name: string): readonly Ip[];
}

const HINT_BYTES = 1024;

export class View implements StoreView {
  readonly #folders: readonly AddressFolder[];

  constructor(
    private readonly files: Files,
    private readonly layout: Layout,
    private readonly processes: Processes,
  ) {
    this.#folders = layout.segment === undefined ? [layout] : [layout, layout.segment];
  }

  isTaken(ip: Ip): boolean {
    return this.#folders.some((folder) => this.files.lstat(`${folder.ip}/${ipName(ip)}`) !== undefined);
  }

  holderOf(ip: Ip): Lease | undefined {
    for (const folder of this.#folders) {
      const lease = readRecord(this.files, `${folder.ip}/${ipName(ip)}`);
      if (lease !== undefined) return lease;
    }
    return undefined;
  }

  isCooling(ip: Ip, seconds: number): boolean {
    return this.#folders.some(({ cooling }) => {
      const released = this.files.lstat(`${cooling}/${ipName(ip)}`);
      return released !== undefined && this.processes.uptime() - released.mtime < seconds;
    });
  }

  takenNames(): readonly string[] {
    const [own = [], ...shared] = this.#folders.map(({ ip }) => this.files.list(ip));
    return (shared.length === 0 ? [...own] : [...new Set([...own, ...shared.flat()])]).sort();
  }

  cursor(pool: string): Ip | undefined {
    return ipOfName(this.files.read(this.#cursorPath(pool), HINT_BYTES)?.trim() ?? '');
  }

  remembered(name: string): readonly Ip[] {
    const words = this.files
      .read(`${this.layout.remembered}/${rememberedName(name)}`, HINT_BYTES)
      ?.split('\n')[0]
      ?.split(' ');
    try {
      return (words ?? []).filter((word) => word !== '').map(parseIp);
    } catch {
      return [];
    }
  }

  /** Fixed width, written over the old text in one call: a reader sees the old or the new address. Failing is harmless. */
  moveCursor(pool: string, ip: Ip): void {
    this.#hint(() => this.files.overwrite(this.#cursorPath(pool), `${ipName(ip)}\n`));
  }

  remember(name: string, ips: readonly Ip[]): void {
    this.#hint(() => {
      ensureFolder(this.files, this.layout.remembered);
      // The line's end cuts off what is left of a longer old text.
      this.files.overwrite(`${this.layout.remembered}/${rememberedName(name)}`, `${ips.join(' ')}\n`);
    });
  }

  #hint(write: () => void): void {
    try {
      write();
    } catch {
      // A hint that is lost costs a longer search, nothing else.
    }
  }

  #cursorPath(pool: string): string {
    return `${this.layout.generation}/${cursorName(pool)}`;
  }
}
