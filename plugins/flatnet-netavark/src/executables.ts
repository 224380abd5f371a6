/**
 * The plugins of the chain, as names of our own image: the driver works where nothing of flatnet but its one file is installed, and always
 * with plugins of its own version.
 */
import { mkdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';

const PLUGINS = ['flatnet', 'flatnet-ipam', 'flatnet-portmap', 'flatnet-firewall', 'flatnet-bandwidth', 'flatnet-dns'];
/** What the kernel says of an executable that an update has replaced: the new one has its path. */
const REPLACED = ' (deleted)';

/** Makes the links in `folder` where they are not there yet. @returns the folder. */
export function executablesFolder(folder: string): string {
  const image = readlinkSync('/proc/self/exe');
  const target = image.endsWith(REPLACED) ? image.slice(0, -REPLACED.length) : image;
  const stale = PLUGINS.map((name) => `${folder}/${name}`).filter((path) => targetOf(path) !== target);
  if (stale.length > 0) mkdirSync(folder, { recursive: true });
  for (const path of stale) {
    // By rename, so that a call that began before finds either one or the other.
    const temporary = `${path}.${process.pid}`;
    symlinkSync(target, temporary);
    renameSync(temporary, path);
  }
  return folder;
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
