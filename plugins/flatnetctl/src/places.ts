import { pluginDirectories } from './install/runtime-config.ts';
import type { World } from './world.ts';

/** Where things are: by option, else by the variables that cnitool and libcni users know, else where runtimes look. */
export interface Places {
  /** Directory of network configurations. */
  readonly netDir: string;
  /** Directories of plugin executables, in the order of search. */
  readonly cniPath: readonly string[];
  /** Where libcni keeps the results of ADD (its `results` folder is below). */
  readonly cacheDir: string;
}

export interface PlaceOptions {
  readonly netDir?: string;
  readonly cniPath?: string;
  readonly cacheDir?: string;
}

export const DEFAULT_NET_DIR = '/etc/cni/net.d';
export const DEFAULT_CACHE_DIR = '/var/lib/cni';
export function placesOf(options: PlaceOptions, env: World['env']): Places {
  const path = options.cniPath || env['CNI_PATH'];
  return {
    netDir: options.netDir || env['NETCONFPATH'] || DEFAULT_NET_DIR,
    cniPath: path ? path.split(':').filter((directory) => directory.startsWith('/')) : pluginDirectories(env),
    cacheDir: options.cacheDir || env['CNI_CACHE_DIR'] || DEFAULT_CACHE_DIR,
  };
}
