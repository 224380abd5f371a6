import type { Ip } from '@flatnet/addressing';
import type { Claim } from './adopt.ts';
import type { Choice, ClaimRequest } from './claim.ts';
import { keptNames } from './collect.ts';
import { StoreError } from './error.ts';
import { attachmentName, ipName, type LeaseKey } from './names.ts';
import type { Lease } from './record.ts';
import type { LeaseStore } from './lease-store.ts';
import type { StoreView } from './view.ts';

export { realFiles, type Files } from './files.ts';
export { realProcesses, type Processes } from './process.ts';

/** The store in memory, with the same answers, for tests of what stands on it. Time is `now`, in seconds, set by the test. */
export class FakeStore implements LeaseStore {
  readonly leases = new Map<string, Claim>();
  readonly #cursors = new Map<string, Ip>();
  readonly #names = new Map<string, readonly Ip[]>();
  readonly #cooling = new Map<string, number>();
  #count = 0;
  now = 0;
  /** Thrown by everything that writes, if set. */
  failure: StoreError | undefined;
  readonly imported: string[] = [];

  readonly view: StoreView = {
    isTaken: (ip) => this.#holder(ip) !== undefined,
    holderOf: (ip) => this.#holder(ip)?.lease,
    isCooling: (ip, seconds) => this.now - (this.#cooling.get(ipName(ip)) ?? -Infinity) < seconds,
    takenNames: () => [...this.leases.values()].flatMap(({ lease }) => lease.ips.map(ipName)).sort(),
    cursor: (pool) => this.#cursors.get(pool),
    remembered: (name) => this.#names.get(name) ?? [],
  };

  async claim(request: ClaimRequest): Promise<Claim> {
    this.#assertWritable();
    const key = attachmentName(request.attachment);
    const found = this.leases.get(key);
    if (found !== undefined) return { ...found, existed: true };
    const choices = request.choose(this.view);
    if (request.isAbandoned()) throw new StoreError('orphaned', 'the process that asked is gone', key);
    const lease: Lease = {
      network: request.network,
      attachment: request.attachment,
      ips: choices.map(({ ip }) => ip),
      ...(request.netns === undefined ? {} : { netns: request.netns }),
      ...(request.name === undefined ? {} : { name: request.name }),
      creator: 'fake',
      since: '2026-01-01T00:00:00.000Z',
    };
    for (const choice of choices) this.#given(choice);
    if (request.remember && request.name !== undefined) this.#names.set(request.name, lease.ips);
    const claim = { lease, existed: false, identity: String(this.#count++) };
    this.leases.set(key, claim);
    return claim;
  }

  find(attachment: LeaseKey): Lease | undefined {
    return this.leases.get(attachmentName(attachment))?.lease;
  }

  release(attachment: LeaseKey, cooling: boolean): boolean {
    this.#assertWritable();
    const lease = this.find(attachment);
    if (cooling) for (const ip of lease?.ips ?? []) this.#cooling.set(ipName(ip), this.now);
    return this.leases.delete(attachmentName(attachment));
  }

  releaseExactly(claim: Claim): void {
    const key = attachmentName(claim.lease.attachment);
    if (this.leases.get(key)?.identity === claim.identity) this.leases.delete(key);
  }

  async collect(valid: readonly LeaseKey[] | undefined): Promise<number> {
    this.#assertWritable();
    if (valid === undefined) return 0;
    const kept = keptNames(valid);
    const dropped = [...this.leases.keys()].filter((key) => !kept.has(key));
    for (const key of dropped) this.leases.delete(key);
    return dropped.length;
  }

  async collectOrphans(): Promise<number> {
    return 0;
  }

  async importFrom(folder: string): Promise<number> {
    this.imported.push(folder);
    return 0;
  }

  probe(): void {
    this.#assertWritable();
  }

  #holder(ip: Ip): Claim | undefined {
    return [...this.leases.values()].find(({ lease }) => lease.ips.some((own) => own.equals(ip)));
  }

  #given({ ip, pool }: Choice): void {
    if (pool !== undefined) this.#cursors.set(pool, ip);
    this.#cooling.delete(ipName(ip));
  }

  #assertWritable(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
