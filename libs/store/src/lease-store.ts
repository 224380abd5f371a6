import type { Claim } from './adopt.ts';
import type { ClaimRequest } from './claim.ts';
import type { Files } from './files.ts';
import type { LeaseKey } from './names.ts';
import type { Processes } from './process.ts';
import type { Lease } from './record.ts';
import type { StoreView } from './view.ts';

/** The leases of one network. All methods throw StoreError; none leaves anything half done that the next call does not finish. */
export interface LeaseStore {
  /** The attachment's lease, or a new one. */
  claim(request: ClaimRequest): Promise<Claim>;
  find(attachment: LeaseKey): Lease | undefined;
  /** Releases whatever the attachment has; nothing there is success. With `cooling` the time of release is noted. */
  release(attachment: LeaseKey, cooling: boolean): boolean;
  /** Takes back a claim of this process, and nothing that came in its place. */
  releaseExactly(claim: Claim): void;
  /** GC: releases all leases but those of `valid` (undefined: releases none), then cleans up. Answers how many were released. */
  collect(valid: readonly LeaseKey[] | undefined): Promise<number>;
  /** Frees addresses that no lease holds, answers how many. Reads everything, so a large store does it once a minute at most. */
  collectOrphans(): Promise<number>;
  /** Takes over a lease folder of host-local, unless that was done. */
  importFrom(folder: string): Promise<number>;
  /** Reading only; an absent store is an empty one. */
  readonly view: StoreView;
  /** Whether ADD could write here: makes and removes a lease of no address. @throws StoreError when not. */
  probe(): void;
}

export interface StoreOptions {
  readonly dataDir: string;
  readonly network: string;
  /**
   * The bridge, or the parent interface, on which containers of other networks may be. Networks of one dataDir that name the same one
   * never lease the same address.
   */
  readonly segment?: string;
  readonly files?: Files;
  readonly processes?: Processes;
}
