import { shareAddress } from './addresses.ts';
import { errnoOf } from './error.ts';
import type { Files } from './files.ts';
import type { Layout } from './generation.ts';
import { RECORD, type LeaseDirs } from './lease-dir.ts';
import { ipName } from './names.ts';
import type { Processes } from './process.ts';
import { parseRecord, readRecordText, type Lease } from './record.ts';
import type { View } from './view.ts';

export interface Claim {
  readonly lease: Lease;
  /** The attachment had the lease before. */
  readonly existed: boolean;
  /** Identity of the lease, for `releaseExactly`. */
  readonly identity: string;
}

export interface ClaimParts {
  readonly files: Files;
  readonly layout: Layout;
  readonly processes: Processes;
  readonly leaseDirs: LeaseDirs;
  readonly view: View;
}

/**
 * The lease at `path`, whole. What cannot be read, or lost an address to another lease, is removed.
 *
 * A lease whose creator still runs is unsettled: if its main plugin died, the creator takes the lease back (see `make`), and
 * answering with it here would give out an address that is free a moment later.
 */
export const adopt = (parts: ClaimParts, path: string): Claim | 'unsettled' | undefined => {
  const { files, processes, leaseDirs } = parts;
  const facts = files.lstat(path);
  if (facts === undefined) return undefined;
  const record = `${path}/${RECORD}`;
  const text = readRecordText(files, record);
  const lease = text === undefined ? undefined : parseRecord(text);
  if (lease === undefined || !lease.ips.every((ip) => holds(parts, record, ipName(ip)))) {
    const dir = leaseDirs.takeExactly(path, facts.identity);
    if (dir !== undefined) leaseDirs.dispose(dir);
    return undefined;
  }
  // DEL and ADD of another process may have put a new lease here since it was read. A link that `holds` made of that one by mistake
  // goes with its DEL.
  if (readRecordText(files, record) !== text) return undefined;
  const isSettled = lease.creator === processes.self || processes.stateOf(lease.creator) !== 'alive';
  return isSettled ? { lease, existed: true, identity: facts.identity } : 'unsettled';
};

/** Whether the address is the lease's own; a link that a user removed by hand is made again. */
const holds = (parts: ClaimParts, record: string, name: string): boolean => {
  const { files, layout } = parts;
  const ino = files.lstat(record)?.ino;
  if (ino === undefined) return false;
  const link = `${layout.ip}/${name}`;
  try {
    if (files.lstat(link) === undefined) files.link(record, link);
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
  if (files.lstat(link)?.ino !== ino) return false;
  shareAddress(parts, name);
  return true;
};
