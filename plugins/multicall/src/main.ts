// One executable image under the plugins' names, as busybox does it: the Bun runtime inside is about 100 MB, so it is there once.
import { entry as ipam } from '@flatnet/plugin-ipam';
import { entry as flatnet } from '@flatnet/plugin-flatnet';
import { entry as portmap } from '@flatnet/plugin-portmap';
import type { PluginEntry } from '@flatnet/skel';
import { runPlugin } from '@flatnet/skel/run';

const ENTRIES: readonly PluginEntry[] = [flatnet, ipam, portmap];

const name = process.argv0.slice(process.argv0.lastIndexOf('/') + 1);
void runPlugin(ENTRIES.find((entry) => entry.name === name) ?? flatnet);
