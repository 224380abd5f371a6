import { setTimeout as sleep } from 'node:timers/promises';
import type { Ip } from '@flatnet/addressing';
import { errnoOf, StoreError } from './error.ts';
import { removeAny, type Files } from './files.ts';
import type { Layout } from './generation.ts';
import { attachmentName, ipName, type LeaseKey } from './names.ts';
import type { Processes } from './process.ts';
import { readRecord, renderRecord, type Lease } from './record.ts';
import { RECORD, type Token, type Tokens } from './token.ts';
import type { StoreView, View } from './view.ts';

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
  readonly sticky?: boolean;
  /** Proposes one address per range set; called again when one of them was taken meanwhile. Throws to refuse. */
  choose(view: StoreView): readonly Choice[];
  /** Whether the process that asked is gone: then nobody would ever release the lease. */
  isAbandoned(): boolean;
}

export interface Claim {
  readonly lease: Lease;
  /** The attachment had the lease before. */
  readonly existed: boolean;
  /** Identity of the lease, for `releaseExactly`. */
  readonly ino: bigint;
}

export interface ClaimParts {
  readonly files: Files;
  readonly layout: Layout;
  readonly processes: Processes;
  readonly tokens: Tokens;
  readonly view: View;
}

/** Losing a race means that somebody else won one, so this many losses in a row only happen to an allocator that is wrong. */
const MAX_LOSSES = 10_000;
const CREATOR_WAIT_MS = 2_000;

/** ADD: the attachment's lease, made if it has none. The store's folders must exist. Asynchronous only where it has to wait. */
export const claim = async (parts: ClaimParts, request: ClaimRequest): Promise<Claim> => {
  const path = `${parts.layout.at}/${attachmentName(request.attachment)}`;
  const giveUpAt = performance.now() + CREATOR_WAIT_MS;
  for (;;) {
    const found = existing(parts, path) ?? make(parts, request, path);
    if (found === undefined) continue;
    if (found !== 'unsettled') return found;
    if (performance.now() > giveUpAt) {
      throw new StoreError('busy', 'another ADD for this attachment is still running', path);
    }
    await sleep(2);
  }
};

/**
 * The lease at `path`, whole. What cannot be read, or lost an address to somebody else, is removed.
 *
 * A lease whose creator still runs is unsettled: if its main plugin died, the creator takes the lease back (see `make`), and
 * answering with it here would give out an address that is free a moment later.
 */
const existing = ({ files, layout, processes, tokens }: ClaimParts, path: string): Claim | 'unsettled' | undefined => {
  const facts = files.lstat(path);
  if (facts === undefined) return undefined;
  const lease = readRecord(files, `${path}/${RECORD}`);
  if (lease === undefined || !lease.ips.every((ip) => holds(files, layout, path, ip))) {
    const token = tokens.takeExactly(path, facts.ino);
    if (token !== undefined) tokens.dispose(token);
    return undefined;
  }
  const isSettled = lease.creator === processes.self || processes.stateOf(lease.creator) !== 'alive';
  return isSettled ? { lease, existed: true, ino: facts.ino } : 'unsettled';
};

/** Whether the address is the lease's own; a link that somebody removed by hand is made again. */
const holds = (files: Files, layout: Layout, path: string, ip: Ip): boolean => {
  const record = `${path}/${RECORD}`;
  const link = `${layout.ip}/${ipName(ip)}`;
  const ino = files.lstat(record)?.ino;
  if (ino === undefined) return false;
  const found = files.lstat(link)?.ino;
  if (found !== undefined) return found === ino;
  try {
    files.link(record, link);
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) return false;
    throw error;
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
  const { files, tokens, view } = parts;
  const first = distinct(request.choose(view));
  const token = tokens.create();
  let made: { readonly lease: Lease; readonly choices: readonly Choice[] };
  let ino: bigint | undefined;
  let isCommitted: boolean;
  try {
    made = fill(parts, request, token, first);
    if (request.isAbandoned()) throw orphaned(path);
    for (const { ip } of made.choices) forgetFreed(parts, ip);
    ino = files.lstat(token)?.ino ?? -1n;
    isCommitted = tokens.commit(token, path);
  } catch (error) {
    disposeQuietly(tokens, token);
    throw error;
  }
  const { lease, choices } = made;
  if (!isCommitted) {
    tokens.dispose(token);
    return undefined;
  }
  if (request.isAbandoned()) {
    const own = tokens.takeExactly(path, ino);
    if (own !== undefined) tokens.dispose(own);
    throw orphaned(path);
  }
  for (const { ip, pool } of choices) if (pool !== undefined) view.moveCursor(pool, ip);
  if (request.sticky && request.name !== undefined) view.remember(request.name, lease.ips);
  return { lease, existed: false, ino };
};

/** Writes the record and links its addresses, proposing others as long as one is taken meanwhile. */
const fill = (
  parts: ClaimParts,
  request: ClaimRequest,
  token: Token,
  first: readonly Choice[],
): { readonly lease: Lease; readonly choices: readonly Choice[] } => {
  let choices = first;
  for (let losses = 0; losses < MAX_LOSSES; losses++) {
    const lease = leaseOf(request, parts.processes.self, choices);
    parts.files.create(`${token}/${RECORD}`, renderRecord(lease));
    if (linkAll(parts, token, choices)) return { lease, choices };
    choices = distinct(request.choose(parts.view));
  }
  throw new StoreError('busy', 'every address proposed was taken meanwhile', token);
};

/** The first error is the one to tell; what could not be removed now is removed by the next sweep. */
const disposeQuietly = (tokens: Tokens, token: Token): void => {
  try {
    tokens.dispose(token);
  } catch {
    // See above.
  }
};

const leaseOf = (request: ClaimRequest, creator: string, choices: readonly Choice[]): Lease => ({
  network: request.network,
  attachment: request.attachment,
  ips: choices.map(({ ip }) => ip),
  ...(request.netns === undefined ? {} : { netns: request.netns.slice(0, 4096) }),
  ...(request.name === undefined ? {} : { name: request.name.slice(0, 4096) }),
  creator,
  since: new Date().toISOString(),
});

/** All addresses or none; on false the token is empty again. */
const linkAll = ({ files, layout }: ClaimParts, token: Token, choices: readonly Choice[]): boolean => {
  const record = `${token}/${RECORD}`;
  const linked: string[] = [];
  for (const { ip } of choices) {
    const path = `${layout.ip}/${ipName(ip)}`;
    try {
      files.link(record, path);
      linked.push(path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      for (const own of linked) removeAny(files, own);
      files.unlink(record);
      return false;
    }
  }
  return true;
};

/** The address is ours now, so only we can be the one who sees its last release end. */
const forgetFreed = ({ files, layout }: ClaimParts, ip: Ip): void => {
  const path = `${layout.freed}/${ipName(ip)}`;
  if (files.lstat(path) !== undefined) removeAny(files, path);
};

const distinct = (choices: readonly Choice[]): readonly Choice[] => {
  if (choices.length === 0 || new Set(choices.map(({ ip }) => ipName(ip))).size !== choices.length) {
    throw new RangeError('an allocator must propose one or more different addresses');
  }
  return choices;
};

const orphaned = (path: string): StoreError =>
  new StoreError('orphaned', 'the process that asked for the address is gone; nothing was kept', path);
