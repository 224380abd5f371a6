import { errnoOf } from './error.ts';
import { removeAny, type Files } from './files.ts';
import { segmentNamed, segmentsOf, type AddressFolder, type Layout } from './generation.ts';
import { ipName } from './names.ts';
import type { Processes } from './process.ts';
import { readRecord } from './record.ts';

/** The links by which a record has its addresses, in its network and in the segment. The rule is at the head of lease-dir.ts. */
export interface AddressParts {
  readonly files: Files;
  readonly layout: Layout;
  readonly processes: Processes;
}

/** The folders in which a claim of this network has to win. */
const claimed = ({ segment, ...network }: Layout): readonly AddressFolder[] =>
  segment === undefined ? [network] : [network, segment];

/** Links all addresses to the record, in every folder, or none: false where one of them is taken. */
export const linkAddresses = ({ files, layout }: AddressParts, record: string, names: readonly string[]): boolean => {
  const linked: string[] = [];
  for (const path of claimed(layout).flatMap(({ ip }) => names.map((name) => `${ip}/${name}`))) {
    try {
      files.link(record, path);
      linked.push(path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      for (const own of linked) removeAny(files, own);
      return false;
    }
  }
  return true;
};

/**
 * Gives an address of the network its name in the segment. An address that a sibling network has there stays the sibling's: both
 * containers have it already, from before the networks shared their addresses.
 */
export const shareAddress = ({ files, layout: { ip, segment } }: AddressParts, name: string): void => {
  if (segment === undefined) return;
  try {
    files.link(`${ip}/${name}`, `${segment.ip}/${name}`);
  } catch (error) {
    if (!['EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) throw error;
  }
};

const MAX_NAME_BYTES = 64;

/** Once for each segment: addresses that this network leased before it knew the segment are claimed there too. */
export const shareEarlierLeases = (parts: AddressParts): void => {
  const { files, layout } = parts;
  const { segment } = layout;
  if (segment === undefined || files.read(layout.adopted, MAX_NAME_BYTES)?.trim() === segment.name) return;
  for (const name of files.list(layout.ip)) shareAddress(parts, name);
  files.removeTree(layout.adopted);
  files.overwrite(layout.adopted, `${segment.name}\n`);
};

/** The addresses are ours now, so only this process can be the one that ends their rest. */
export const forgetCooling = ({ files, layout }: AddressParts, names: readonly string[]): void => {
  for (const { cooling } of claimed(layout)) {
    for (const name of names)
      if (files.lstat(`${cooling}/${name}`) !== undefined) removeAny(files, `${cooling}/${name}`);
  }
};

/** Removes the links of a record that lies in a directory of ours. With `cooling` they move to `freed/`, which needs no new inode. */
export const releaseAddresses = (
  { files, layout, processes }: AddressParts,
  record: string,
  ino: bigint,
  cooling: boolean,
): void => {
  const lease = readRecord(files, record);
  const names = lease?.ips.map(ipName) ?? [];
  const stamped = cooling && names.length > 0 && stamp(files, record, processes.uptime());
  const shared = lease?.segment === undefined ? [] : [segmentNamed(layout, lease.segment)];
  let links = 1n;
  for (const folder of [layout, ...shared]) {
    for (const name of names) if (releaseAddress(files, folder, name, ino, stamped) === 'cooling') links++;
  }
  // Of a record that cannot be read, and of one with links that it does not list, all addresses are looked at.
  if ((files.lstat(record)?.nlink ?? 0n) > links) releaseUnlisted(files, layout, ino);
};

/**
 * Without the stamp the address is to be free at once: DEL must not fail for it, and by the wall clock's time that the record has it
 * would cool for ever.
 */
const stamp = (files: Files, record: string, uptime: number): boolean => {
  try {
    files.setMtime(record, Math.floor(uptime));
    return true;
  } catch {
    return false;
  }
};

const releaseAddress = (
  files: Files,
  folder: AddressFolder,
  name: string,
  ino: bigint,
  cooling: boolean,
): 'free' | 'cooling' => {
  const path = `${folder.ip}/${name}`;
  if (files.lstat(path)?.ino !== ino) return 'free';
  let state: 'free' | 'cooling' = 'free';
  if (cooling) {
    try {
      files.rename(path, `${folder.cooling}/${name}`);
      state = 'cooling';
      // rename(2) does nothing, successfully, when both names are links of one inode: a re-run after a crash.
      if (files.lstat(path)?.ino !== ino) return state;
    } catch {
      // No `freed` folder, no space: then it is free at once.
    }
  }
  removeAny(files, path);
  return state;
};

const releaseUnlisted = (files: Files, layout: Layout, ino: bigint): void => {
  for (const { ip } of [layout, ...segmentsOf(files, layout)]) {
    for (const name of files.list(ip)) {
      if (files.lstat(`${ip}/${name}`)?.ino === ino) removeAny(files, `${ip}/${name}`);
    }
  }
};
