import { AddressError, parseIp, type Ip } from '@flatnet/addressing';
import { shareAddress } from './addresses.ts';
import { errnoOf, StoreError } from './error.ts';
import type { Files } from './files.ts';
import type { Layout } from './generation.ts';
import { attachmentName, ipName, type LeaseKey } from './names.ts';
import type { Processes } from './process.ts';
import { renderRecord } from './record.ts';
import { RECORD, type LeaseDirs } from './lease-dir.ts';

/**
 * Takes over the leases of host-local: one file per address, named by it, holding `<container id>\r\n<interface>` (older versions: the
 * id alone). Once and for all: a mark in that folder says so, because our own store may be on a tmpfs and forget, and after a
 * reboot host-local's files are stale.
 */
const MARK = 'flatnet-imported';
/** In our own folder, where host-local's is read-only. */
const OWN_MARK = 'imported';
const MAX_BYTES = 1024;

export interface ImportParts {
  readonly files: Files;
  readonly layout: Layout;
  readonly processes: Processes;
  readonly leaseDirs: LeaseDirs;
}

/** Whether there is nothing (more) to take over from `folder`. */
export const isImported = (files: Files, layout: Layout, folder: string): boolean =>
  files.lstat(folder) === undefined ||
  files.lstat(`${folder}/${MARK}`) !== undefined ||
  files.lstat(`${layout.folder}/${OWN_MARK}`) !== undefined;

/** Imports and marks. The caller holds the lock. Answers how many addresses were taken over. */
export const importLeases = (parts: ImportParts, network: string, folder: string): number => {
  const { files } = parts;
  if (isImported(files, parts.layout, folder)) return 0;
  if (files.lstat(folder)?.kind !== 'directory')
    throw new StoreError('unsafe', 'importFrom is not a directory', folder);
  // An import that was killed may have linked addresses for a lease that it never committed. Found taken below, they would be left out,
  // and given to another container after the next sweep.
  parts.leaseDirs.collectAbandoned();
  let imported = 0;
  for (const { key, ips } of foreignLeases(files, folder).values()) imported += importLease(parts, network, key, ips);
  mark(parts, folder, `taken over by flatnet-ipam, network ${network}\n`);
  return imported;
};

const mark = ({ files, layout }: ImportParts, folder: string, text: string): void => {
  try {
    files.create(`${folder}/${MARK}`, text);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    files.create(`${layout.folder}/${OWN_MARK}`, text);
  }
};

interface Foreign {
  readonly key: LeaseKey;
  readonly ips: Ip[];
}

const foreignLeases = (files: Files, folder: string): ReadonlyMap<string, Foreign> => {
  const leases = new Map<string, Foreign>();
  for (const name of files.list(folder)) {
    const ip = addressOf(name);
    const text = ip === undefined ? undefined : files.read(`${folder}/${name}`, MAX_BYTES);
    if (ip === undefined || text === undefined) continue;
    const [containerId = '', ifName = ''] = text.split('\n').map((line) => line.trim());
    // Zero bytes: the disk was full when host-local wrote it. The address is free.
    if (containerId === '') continue;
    const key = { containerId, ifName };
    const lease = leases.get(attachmentName(key));
    if (lease === undefined) leases.set(attachmentName(key), { key, ips: [ip] });
    else lease.ips.push(ip);
  }
  return leases;
};

/** host-local writes IPv6 as it is, except on systems where a colon is not allowed in a name. */
const addressOf = (name: string): Ip | undefined => {
  try {
    return parseIp(name);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
};

/** One lease with all its addresses. What we have under this attachment or these addresses already wins: an import that was cut short. */
const importLease = (parts: ImportParts, network: string, key: LeaseKey, ips: Ip[]): number => {
  const { files, layout, processes, leaseDirs } = parts;
  const path = `${layout.at}/${attachmentName(key)}`;
  if (files.lstat(path) !== undefined) return 0;
  const free = ips.filter((ip) => files.lstat(`${layout.ip}/${ipName(ip)}`) === undefined);
  if (free.length === 0) return 0;
  const dir = leaseDirs.create();
  try {
    const since = new Date().toISOString();
    const segment = layout.segment === undefined ? {} : { segment: layout.segment.name };
    const lease = { network, attachment: key, ips: free, ...segment, creator: processes.self, since };
    files.create(`${dir}/${RECORD}`, renderRecord(lease));
    for (const ip of free) {
      files.link(`${dir}/${RECORD}`, `${layout.ip}/${ipName(ip)}`);
      shareAddress(parts, ipName(ip));
    }
    if (leaseDirs.commit(dir, path)) return free.length;
  } catch (error) {
    leaseDirs.dispose(dir);
    throw error;
  }
  leaseDirs.dispose(dir);
  return 0;
};
