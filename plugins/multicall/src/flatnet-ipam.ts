import { field, objectField } from '@flatnet/cni';
import { entry } from '@flatnet/plugin-ipam';
import { under, withDefaults, type Json } from './drop-in.ts';
import { runAs } from './run-as.ts';

const HOST_LOCAL_DATA_DIR = '/var/lib/cni/networks';

void runAs(entry, under('host-local', entry, takingOverLeases));

/** What host-local has leased when we come stays leased: its folder is read once, at the network's first call. */
function takingOverLeases(json: Json): Json {
  const ipam = objectField(json, 'ipam');
  if (ipam === undefined) return json;
  const dataDir = field(ipam, 'dataDir');
  const folder = typeof dataDir === 'string' && dataDir !== '' ? dataDir : HOST_LOCAL_DATA_DIR;
  const others = Object.entries(json).filter(([key]) => key.toLowerCase() !== 'ipam');
  const complete = withDefaults(ipam, { importFrom: `${folder}/${String(field(json, 'name'))}` });
  return { ...Object.fromEntries(others), ipam: complete };
}
