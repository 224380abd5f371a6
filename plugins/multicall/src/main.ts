// One executable image under the plugins' names, as busybox does it: the Bun runtime inside is about 100 MB, so it is there once.
import { entry as ipam } from '@flatnet/plugin-ipam';
import { entry as flatnet } from '@flatnet/plugin-flatnet';
import { entry as portmap } from '@flatnet/plugin-portmap';
import type { PluginEntry } from '@flatnet/skel';
import { runPlugin } from '@flatnet/skel/run';
import { DROP_INS } from './drop-in.ts';

const ENTRIES: readonly PluginEntry[] = [flatnet, ipam, portmap, ...DROP_INS];

// A second entry point that compile.mjs puts into the image. Inside of this one its code would cost every start of a plugin
// 1.5 ms (hyperfine, VERSION, fastest of 120: 5.9 with it in here 7.4, as it is 5.6 ms). The path is computed so that no bundler takes the file in.
const OPERATOR = ['/$bunfs', 'root', 'flatnetctl.js'].join('/');

const name = process.argv0.slice(process.argv0.lastIndexOf('/') + 1);
if (name === 'flatnetctl') void import(OPERATOR);
else void runPlugin(ENTRIES.find((entry) => entry.name === name) ?? flatnet);
