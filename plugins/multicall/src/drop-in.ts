/**
 * The plugins under the names of the reference plugins (`flatnetctl install --drop-in`). A configuration that was written for those
 * means there what it meant: whatever it leaves out has the reference's default, not flatnet's.
 */
import { entry as ipam } from '@flatnet/plugin-ipam';
import { entry as flatnet } from '@flatnet/plugin-flatnet';
import { entry as portmap } from '@flatnet/plugin-portmap';
import type { PluginEntry } from '@flatnet/skel';

type Json = Readonly<Record<string, unknown>>;

/** Defaults of the reference `bridge`. flatnet's own would find out the MTU, route by default, and refuse a subnet that overlaps. */
const BRIDGE_DEFAULTS = {
  bridge: 'cni0',
  isGateway: false,
  isDefaultGateway: false,
  ipMasq: false,
  hairpinMode: false,
  mtu: 1500,
  allowOverlap: true,
} as const;

const HOST_LOCAL_DATA_DIR = '/var/lib/cni/networks';

export const DROP_INS: readonly PluginEntry[] = [
  under('bridge', flatnet, (json) => withDefaults(json, BRIDGE_DEFAULTS)),
  under('host-local', ipam, takingOverLeases),
  under('portmap', portmap, (json) => json),
];

function under(name: string, entry: PluginEntry, complete: (json: Json) => Json): PluginEntry {
  return {
    ...entry,
    name,
    about: `${entry.about}; in place of the reference plugin`,
    load: async () => {
      const plugin = await entry.load();
      return { ...plugin, decodeConfig: (json, verb) => plugin.decodeConfig(complete(json), verb) };
    },
  };
}

/** Go decodes keys without regard to case; null, an empty text and an MTU of 0 leave the default. */
function withDefaults(json: Json, defaults: Json): Json {
  const given = new Set(
    Object.entries(json)
      .filter(([, value]) => value !== null && value !== '' && value !== 0)
      .map(([key]) => key.toLowerCase()),
  );
  const missing = Object.entries(defaults).filter(([key]) => !given.has(key.toLowerCase()));
  return { ...json, ...Object.fromEntries(missing) };
}

/** What host-local has leased when we come stays leased: its folder is read once, at the network's first call. */
function takingOverLeases(json: Json): Json {
  const ipamKey = Object.keys(json).find((key) => key.toLowerCase() === 'ipam') ?? 'ipam';
  const given = json[ipamKey];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return json;
  const folder = valueOf(given as Json, 'dataDir') || HOST_LOCAL_DATA_DIR;
  return { ...json, [ipamKey]: withDefaults(given as Json, { importFrom: `${folder}/${valueOf(json, 'name')}` }) };
}

function valueOf(json: Json, wanted: string): string {
  const entries = Object.entries(json).filter(([key]) => key.toLowerCase() === wanted.toLowerCase());
  const [, value] = entries.find(([key]) => key === wanted) ?? entries[0] ?? [];
  return typeof value === 'string' ? value : '';
}
