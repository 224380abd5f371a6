/** How long, and where, rules of the kernel are what a record says: one boot, and one network namespace of the host. */
import { existsSync, readFileSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { netnsCookie, SysUnavailable } from '@flatnet/sys';
import { openSys } from '@flatnet/sys/open';
import { ignoring } from './state-files.ts';

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** Its number is another namespace's once this one is deleted. Version 0.1.0 named folders so. */
const byInode = (): string => `${bootId()}.${/\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? '0'}`;

/** The name of a folder of records. @throws SysError. */
export function currentGeneration(): string {
  const cookie = cookieOf();
  return cookie === undefined ? byInode() : `${bootId()}.${cookie}`;
}

function cookieOf(): bigint | undefined {
  try {
    return netnsCookie(openSys());
  } catch (error) {
    if (error instanceof SysUnavailable) return undefined;
    throw error;
  }
}

/** The same, after the folder that version 0.1.0 wrote in this boot has got its name. @throws SysError. */
export function adoptedGeneration(stateDir: string): string {
  const generation = currentGeneration();
  const folder = join(stateDir, generation);
  if (!existsSync(folder)) {
    const former = join(stateDir, byInode());
    if (existsSync(former)) ignoring(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => renameSync(former, folder));
  }
  return generation;
}
