import { parseIp, type Ip } from '@flatnet/addressing';
import { ensureFolder, type Layout } from './generation.ts';
import type { Files } from './files.ts';
import { cursorName, ipName, ipOfName, stickyName } from './names.ts';
import type { Processes } from './process.ts';
import { readRecord, type Lease } from './record.ts';

/** What an allocator may look at. Everything is a moment's truth: only the claim itself decides. */
export interface StoreView {
  isTaken(ip: Ip): boolean;
  /** The lease that holds an address; undefined when it is free, or its record cannot be read. */
  holderOf(ip: Ip): Lease | undefined;
  /** Whether any of the addresses was released under `cooldown` less than so many seconds ago. */
  isCooling(ip: Ip, seconds: number): boolean;
  /** All taken addresses by `ipName`, sorted, in one reading. */
  takenNames(): readonly string[];
  /** The address last given from a pool. */
  cursor(pool: string): Ip | undefined;
  /** The addresses that a container of this name had last. */
  sticky(name: string): readonly Ip[];
}

const HINT_BYTES = 1024;

export class View implements StoreView {
  constructor(
    private readonly files: Files,
    private readonly layout: Layout,
    private readonly processes: Processes,
  ) {}

  isTaken(ip: Ip): boolean {
    return this.files.lstat(this.#path(ip)) !== undefined;
  }

  holderOf(ip: Ip): Lease | undefined {
    return readRecord(this.files, this.#path(ip));
  }

  isCooling(ip: Ip, seconds: number): boolean {
    const freed = this.files.lstat(`${this.layout.freed}/${ipName(ip)}`);
    return freed !== undefined && this.processes.uptime() - freed.mtime < seconds;
  }

  takenNames(): readonly string[] {
    return [...this.files.list(this.layout.ip)].sort();
  }

  cursor(pool: string): Ip | undefined {
    return ipOfName(this.files.read(this.#cursorPath(pool), HINT_BYTES)?.trim() ?? '');
  }

  sticky(name: string): readonly Ip[] {
    const words = this.files
      .read(`${this.layout.sticky}/${stickyName(name)}`, HINT_BYTES)
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
      ensureFolder(this.files, this.layout.sticky);
      // The line's end cuts off what is left of a longer old text.
      this.files.overwrite(`${this.layout.sticky}/${stickyName(name)}`, `${ips.join(' ')}\n`);
    });
  }

  #hint(write: () => void): void {
    try {
      write();
    } catch {
      // A hint that is lost costs a longer search, nothing else.
    }
  }

  #path(ip: Ip): string {
    return `${this.layout.ip}/${ipName(ip)}`;
  }

  #cursorPath(pool: string): string {
    return `${this.layout.generation}/${cursorName(pool)}`;
  }
}
