/** Where Podman keeps its networks, and what stands there. Read only: the files are Podman's. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** A file of a network, whatever its driver. */
export interface NetworkFileText {
  readonly path: string;
  readonly json: unknown;
}

const MAX_BYTES = 1024 * 1024;
const ROOTFUL = '/etc/containers/networks';

/**
 * The folders that Podman may read networks from: those that a containers.conf names, root's, and the one of the caller without root.
 *
 * @param configurations texts of containers.conf.
 */
export function networkFolders(env: Environment, configurations: readonly string[]): readonly string[] {
  const data = env['XDG_DATA_HOME'] || (env['HOME'] ? join(env['HOME'], '.local/share') : '');
  const own = data.startsWith('/') ? [join(data, 'containers/storage/networks')] : [];
  return [...new Set([...toldFolders(configurations), ROOTFUL, ...own])];
}

/** `network_config_dir` of a containers.conf. */
export const toldFolders = (configurations: readonly string[]): readonly string[] =>
  configurations.flatMap(networkConfigDirOf).filter((folder) => folder.startsWith('/'));

/** The key stands in a line of its own (TOML). */
const networkConfigDirOf = (text: string): readonly string[] =>
  [...text.matchAll(/^[ \t]*network_config_dir[ \t]*=[ \t]*["']([^"'\n]+)["']/gm)].map((match) => match[1] ?? '');

/** Every network file of the folders that can be read; files that cannot are left out, as Podman leaves them out. */
export const readNetworkFiles = (folders: readonly string[]): readonly NetworkFileText[] =>
  folders.flatMap((folder) =>
    namesIn(folder)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => {
        const path = join(folder, name);
        const json = jsonAt(path);
        return json === undefined ? [] : [{ path, json }];
      }),
  );

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function jsonAt(path: string): unknown {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= MAX_BYTES ? (JSON.parse(readFileSync(path, 'utf8')) as unknown) : undefined;
  } catch {
    return undefined;
  }
}
