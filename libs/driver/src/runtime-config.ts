/** What container runtimes of this host are told of plugins, in the few keys that concern us. */
import { containersConf } from './containers-conf.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where plugins are put by themselves: of all directories that are searched by default the one that no package owns. */
export const DEFAULT_PLUGIN_DIR = '/opt/cni/bin';

/** What Podman searches by default, in its order; containerd and CRI-O search some of these. */
export const DEFAULT_CNI_PATH = [
  ...['/usr/local/libexec/cni', '/usr/libexec/cni', '/usr/local/lib/cni', '/usr/lib/cni'],
  DEFAULT_PLUGIN_DIR,
];

/**
 * Where plugins are looked for: Podman's `cni_plugin_dirs` where it is set, then what runtimes search by default. Only the
 * order among Podman's own is certain; that is what `--drop-in` has to know.
 */
export const pluginDirectories = (env: Environment): readonly string[] => [
  ...new Set([...podmanDirectories(env), ...DEFAULT_CNI_PATH]),
];

/** What Podman searches: other defaults than its own are for other runtimes. */
export function podmanDirectories(env: Environment): readonly string[] {
  const told = containersConf(env).flatMap(pluginDirsOf).at(-1) ?? [];
  const absolute = told.filter((directory) => directory.startsWith('/'));
  return absolute.length > 0 ? absolute : DEFAULT_CNI_PATH;
}

/** What netavark searches for drivers by default, in its order. */
export const DEFAULT_DRIVER_PATH = [
  ...['/usr/local/libexec/netavark', '/usr/libexec/netavark', '/usr/local/lib/netavark', '/usr/lib/netavark'],
];

/** `netavark_plugin_dirs` where it is set. */
export function driverDirectories(env: Environment): readonly string[] {
  const told =
    containersConf(env)
      .flatMap((text) => listsOf('netavark_plugin_dirs', text))
      .at(-1) ?? [];
  const absolute = told.filter((directory) => directory.startsWith('/'));
  return absolute.length > 0 ? absolute : DEFAULT_DRIVER_PATH;
}

/** The first of the usual ones, unless Podman is told to search elsewhere. */
export const defaultDriverDir = (env: Environment): string => driverDirectories(env)[0] as string;

/** The lists of `cni_plugin_dirs` in a containers.conf. */
export const pluginDirsOf = (text: string): readonly (readonly string[])[] => listsOf('cni_plugin_dirs', text);

/** TOML; the list may span lines. */
const listsOf = (key: string, text: string): readonly (readonly string[])[] =>
  [...text.matchAll(new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*\\[([^\\]]*)\\]`, 'gm'))].map(([, list = '']) =>
    [...list.replaceAll(/#.*$/gm, '').matchAll(/["']([^"'\n]+)["']/g)].map(([, directory = '']) => directory),
  );

/** The key stands in a line of its own (TOML); comments begin with `#`. */
export const backendOf = (text: string): readonly string[] =>
  [...text.matchAll(/^[ \t]*network_backend[ \t]*=[ \t]*["']([^"'\n]*)["']/gm)].map((match) => match[1] ?? '');

/** The value of `network_backend` that Podman reads, the last file winning; undefined when none says it. */
export const configuredBackend = (env: Environment): string | undefined =>
  containersConf(env).flatMap(backendOf).at(-1);
