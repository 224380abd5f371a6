// One executable image under the plugins' names, as busybox does it: the Bun runtime inside is about 100 MB, so it is there once.
import { basename } from 'node:path';
import { entry as ipam } from '@flatnet/plugin-ipam';
import { entry as flatnet } from '@flatnet/plugin-flatnet';
import { entry as portmap } from '@flatnet/plugin-portmap';
import { runPlugin, type PluginEntry } from '@flatnet/skel';

const ENTRIES: readonly PluginEntry[] = [flatnet, ipam, portmap];

const name = basename(process.argv0);
void runPlugin(ENTRIES.find((entry) => entry.name === name) ?? flatnet);
