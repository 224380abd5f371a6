import { entry } from '@flatnet/plugin-ipam';
import { under, withDefaults, type Json } from './drop-in.ts';
import { runAs } from './run-as.ts';

const HOST_LOCAL_DATA_DIR = '/var/lib/cni/networks';

void runAs(entry, under('host-local', entry, takingOverLeases));

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
