/**
 * A network configuration list as files hold it (spec, "Network configuration format"). Plugin objects stay as they were written:
 * a plugin receives all of its keys, also those that we do not know.
 */
import {
  assertNetworkName,
  type ChainConfig,
  type CniVersion,
  DEFAULT_VERSION,
  isAtLeast,
  isSupportedVersion,
  type PluginConfig,
} from '@flatnet/cni';
import { configObject, decode } from '@flatnet/cni/schema';
import * as z from 'zod/mini';

/** `cniVersion` is the newest version that the list allows and that we speak (`cniVersions`, spec 1.1.0). */
export interface Network extends ChainConfig {
  /** Podman's id of a network of its own; that of a conflist follows from the name. */
  readonly id?: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  /** Set by `network create`: the file is ours to rewrite and to remove. */
  readonly created?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** The key of a list that says that flatnetctl wrote it. libcni and Podman skip keys that they do not know. */
export const MARKER = 'flatnetctl';

const words = z.optional(z.record(z.string(), z.string()));
const plugin = z.record(z.string(), z.unknown());
export const listSchema = configObject({
  cniVersion: z.optional(z.string()),
  cniVersions: z.optional(z.array(z.string())),
  name: z.string(),
  // Older libcni takes "true" as a text too.
  disableCheck: z.optional(z.union([z.boolean(), z.string()])),
  disableGC: z.optional(z.union([z.boolean(), z.string()])),
  plugins: z.array(plugin).check(z.minLength(1)),
  args: z.optional(configObject({ podman_labels: words, podman_options: words })),
  [MARKER]: z.optional(configObject({ created: z.optional(z.string()) })),
});
const typed = configObject({ type: z.string().check(z.minLength(1)) });

/** @throws CniError code 1 or 7 that names the field at fault. */
export function decodeNetwork(json: unknown, what: string): Network {
  const list = decode(listSchema, json, what);
  assertNetworkName(list.name);
  const plugins = list.plugins.map((entry, index): PluginConfig => {
    const { type } = decode(typed, entry, `plugin ${index} of ${what}`);
    return { ...entry, type };
  });
  const mark = list[MARKER];
  return {
    name: list.name,
    cniVersion: newestOf([...(list.cniVersions ?? []), list.cniVersion ?? DEFAULT_VERSION]),
    disableCheck: isTrue(list.disableCheck),
    disableGC: isTrue(list.disableGC),
    plugins,
    ...(mark === undefined ? {} : { created: mark.created ?? '' }),
    labels: list.args?.podman_labels ?? {},
    options: list.args?.podman_options ?? {},
  };
}

/** A `.conf` file holds one plugin; libcni makes a list of it. @throws as `decodeNetwork`. */
export function decodeSinglePlugin(json: unknown, what: string): Network {
  const { name, cniVersion } = decode(
    configObject({ name: z.string(), cniVersion: z.optional(z.string()) }),
    json,
    what,
  );
  return decodeNetwork({ name, plugins: [json], ...(cniVersion === undefined ? {} : { cniVersion }) }, what);
}

const isTrue = (value: boolean | string | undefined): boolean => String(value ?? false).toLowerCase() === 'true';

function newestOf(versions: readonly string[]): CniVersion {
  const known = versions.filter(isSupportedVersion);
  return known.reduce<CniVersion>(
    (newest, version) => (isAtLeast(version, newest) ? version : newest),
    DEFAULT_VERSION,
  );
}

/** The main plugin: the one that makes the interface. */
export const mainPlugin = (network: Network): PluginConfig => network.plugins[0] as PluginConfig;

/** The `ipam` object of the main plugin, or an empty one. */
export function ipamOf(network: Network): Readonly<Record<string, unknown>> {
  const ipam = mainPlugin(network)['ipam'];
  return typeof ipam === 'object' && ipam !== null ? (ipam as Readonly<Record<string, unknown>>) : {};
}
