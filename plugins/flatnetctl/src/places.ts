import { resolve } from 'node:path';
import { containersConf, networkFolders, toldFolders } from '@flatnet/driver';
import { usage } from './failure.ts';
import { DEFAULT_PLUGIN_DIR, pluginDirectories, podmanDirectories } from '@flatnet/driver/runtime-config';
import type { World } from './world.ts';

/** Where things are: by option, else by the variables that cnitool and libcni users know, else where runtimes look. */
export interface Places {
  /** Directory of network configurations. */
  readonly netDir: string;
  /** Directories of networks that Podman 5 and 6 keep. */
  readonly driverDirs: readonly string[];
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

/** @throws OperatorError (usage) for a relative directory of plugins: a runtime would start them elsewhere. */
export function placesOf(options: PlaceOptions, env: World['env']): Places {
  return {
    netDir: options.netDir || env['NETCONFPATH'] || DEFAULT_NET_DIR,
    driverDirs: driverDirsOf(options, env),
    cniPath: givenPath(options, env) ?? pluginDirectories(env),
    cacheDir: options.cacheDir || env['CNI_CACHE_DIR'] || DEFAULT_CACHE_DIR,
  };
}

/** Who says where conflists are looks at that host alone, and not at what Podman keeps by default. */
function driverDirsOf({ netDir }: PlaceOptions, env: World['env']): readonly string[] {
  const told = containersConf(env);
  return netDir || env['NETCONFPATH'] ? toldFolders(told) : networkFolders(env, told);
}

/** Where plugins go when no option says it: the usual directory, unless runtimes are told to search elsewhere. */
export function defaultPluginDir(options: PlaceOptions, env: World['env']): string {
  const searched = givenPath(options, env) ?? podmanDirectories(env);
  return searched.includes(DEFAULT_PLUGIN_DIR) ? DEFAULT_PLUGIN_DIR : (searched[0] ?? DEFAULT_PLUGIN_DIR);
}

function givenPath({ cniPath }: PlaceOptions, env: World['env']): readonly string[] | undefined {
  const path = cniPath || env['CNI_PATH'];
  if (!path) return undefined;
  const directories = path.split(':').filter(Boolean);
  const relative = directories.find((directory) => !directory.startsWith('/'));
  if (relative === undefined) return directories;
  const where = cniPath ? '--cni-path' : 'CNI_PATH';
  throw usage(`${where}: ${JSON.stringify(relative)} is not an absolute path`, `give ${resolve(relative)}`);
}
