import type { Ip } from '@flatnet/addressing';
import { sleep } from '@flatnet/exec/sleep';
import { forgetCooling, linkAddresses } from './addresses.ts';
import { adopt, type Claim, type ClaimParts } from './adopt.ts';
import { StoreError } from './error.ts';
import { attachmentName, ipName, type LeaseKey } from './names.ts';
import { renderRecord, type Lease } from './record.ts';
import { RECORD, type LeaseDir, type LeaseDirs } from './lease-dir.ts';
import type { StoreView } from './view.ts';

/** An address that an allocator proposes, and the pool whose cursor it moves (none for a requested or remembered address). */
export interface Choice {
  readonly ip: Ip;
  readonly pool?: string;
}

export interface ClaimRequest {
  readonly network: string;
  readonly attachment: LeaseKey;
  readonly netns?: string;
  readonly name?: string;
  /** Whether to remember the addresses under `name`. */
  readonly remember?: boolean;
  /** Proposes one address per range set; called again when one of them was taken meanwhile. Throws to refuse. */
  choose(view: StoreView): readonly Choice[];
  /** Whether the process that asked is gone: then no call would ever release the lease. */
  isAbandoned(): boolean;
}

/** Losing a race means that another ADD won one, so this many losses in a row only happen to an allocator that is wrong. */
const MAX_LOSSES = 10_000;
const CREATOR_WAIT_MS = 2_000;

/** ADD: the attachment's lease, made if it has none. The store's folders must exist. Asynchronous only where it has to wait. */
export const claim = async (parts: ClaimParts, request: ClaimRequest): Promise<Claim> => {
  const path = `${parts.layout.at}/${attachmentName(request.attachment)}`;
  const giveUpAt = performance.now() + CREATOR_WAIT_MS;
  for (;;) {
    const found = adopt(parts, path) ?? make(parts, request, path);
    if (found === undefined) continue;
    if (found !== 'unsettled') return found;
    if (performance.now() > giveUpAt) {
      throw new StoreError('busy', 'another ADD for this attachment is still running', path);
    }
    await sleep(2);
  }
};

/**
 * Makes the lease; undefined when another ADD for the attachment was faster.
 *
 * The main plugin may be killed while its delegated ADD runs here; the runtime then sends DEL, which may come before our commit and
 * find nothing. So the parent is looked at after the commit too: if it was alive then, its DEL comes later than our commit and finds
 * the lease; if it was dead, we take the lease back ourselves.
 */
const make = (parts: ClaimParts, request: ClaimRequest, path: string): Claim | undefined => {
  const { files, leaseDirs, view } = parts;
  const first = distinct(request.choose(view));
  const dir = leaseDirs.create();
  let made: { readonly lease: Lease; readonly choices: readonly Choice[] };
  let identity: string;
  let isCommitted: boolean;
  try {
    made = fill(parts, request, dir, first);
    if (request.isAbandoned()) throw orphaned(path);
    forgetCooling(
      parts,
      made.choices.map(({ ip }) => ipName(ip)),
    );
    identity = files.lstat(dir)?.identity ?? '';
    isCommitted = leaseDirs.commit(dir, path);
  } catch (error) {
    disposeQuietly(leaseDirs, dir);
    throw error;
  }
  const { lease, choices } = made;
  if (!isCommitted) {
    leaseDirs.dispose(dir);
    return undefined;
  }
  if (request.isAbandoned()) {
    const own = leaseDirs.takeExactly(path, identity);
    if (own !== undefined) leaseDirs.dispose(own);
    throw orphaned(path);
  }
  for (const { ip, pool } of choices) if (pool !== undefined) view.moveCursor(pool, ip);
  if (request.remember && request.name !== undefined) view.remember(request.name, lease.ips);
  return { lease, existed: false, identity };
};

/** Writes the record and links its addresses, proposing others as long as one is taken meanwhile. */
const fill = (
  parts: ClaimParts,
  request: ClaimRequest,
  dir: LeaseDir,
  first: readonly Choice[],
): { readonly lease: Lease; readonly choices: readonly Choice[] } => {
  let choices = first;
  for (let losses = 0; losses < MAX_LOSSES; losses++) {
    const lease = leaseOf(parts, request, choices);
    const record = `${dir}/${RECORD}`;
    parts.files.create(record, renderRecord(lease));
    if (linkAddresses(parts, record, lease.ips.map(ipName))) return { lease, choices };
    parts.files.unlink(record);
    choices = distinct(request.choose(parts.view));
  }
  throw new StoreError('busy', 'every address proposed was taken meanwhile', dir);
};

/** The first error is the one to tell; what could not be removed now is removed by the next sweep. */
const disposeQuietly = (leaseDirs: LeaseDirs, dir: LeaseDir): void => {
  try {
    leaseDirs.dispose(dir);
  } catch {
    // See above.
  }
};

const leaseOf = ({ layout, processes }: ClaimParts, request: ClaimRequest, choices: readonly Choice[]): Lease => ({
  network: request.network,
  attachment: request.attachment,
  ips: choices.map(({ ip }) => ip),
  ...(layout.segment === undefined ? {} : { segment: layout.segment.name }),
  ...(request.netns === undefined ? {} : { netns: request.netns.slice(0, 4096) }),
  ...(request.name === undefined ? {} : { name: request.name.slice(0, 4096) }),
  creator: processes.self,
  since: new Date().toISOString(),
});

const distinct = (choices: readonly Choice[]): readonly Choice[] => {
  if (choices.length === 0 || new Set(choices.map(({ ip }) => ipName(ip))).size !== choices.length) {
    throw new RangeError('an allocator must propose one or more different addresses');
  }
  return choices;
};

const orphaned = (path: string): StoreError =>
  new StoreError('orphaned', 'the process that asked for the address is gone; nothing was kept', path);
