// What every executable runs first. They are one image, as busybox does it, since the runtime inside is about 100 MB; what a name stands
// for is a file of its own inside of the image, so that no name pays for the code of the others, and VERSION for none. With all of it in
// one file VERSION took 8.0 ms, now 4.4 (an empty program: 3.5), an ADD of flatnet-ipam 14.5 and now 12.2 (in turn, first quintile of 60).
import { answerVersionCommand, isVersionCommand } from '@flatnet/skel/version';

const DROP_INS: Readonly<Record<string, string>> = {
  bridge: 'flatnet',
  'host-local': 'flatnet-ipam',
  portmap: 'flatnet-portmap',
  bandwidth: 'flatnet-bandwidth',
  tuning: 'flatnet-tuning',
  dnsname: 'flatnet-dns',
  firewall: 'flatnet-firewall',
};
const PARTS = new Set([
  'flatnet',
  'flatnet-ipam',
  'flatnet-portmap',
  'flatnet-bandwidth',
  'flatnet-tuning',
  'flatnet-dns',
  'flatnet-firewall',
  'flatnetctl',
  'flatnetd',
]);

/** Podman and netavark say what they want as the first argument, under whatever name the driver has. */
const DRIVER_VERBS = new Set(['create', 'setup', 'teardown', 'info']);

const name = process.argv0.slice(process.argv0.lastIndexOf('/') + 1);
const named = PARTS.has(name) ? name : (DROP_INS[name] ?? 'flatnet');
const part = named === 'flatnet' && isDriverCall() ? 'flatnet-netavark' : named;
// compile.mjs puts the parts there. The path is computed so that no bundler takes the file in.
if (!['flatnetctl', 'flatnetd', 'flatnet-netavark'].includes(part) && isVersionCommand()) void answerVersionCommand();
else void import(['/$bunfs', 'root', `${part}.js`].join('/'));

/** By the arguments and never by the environment, since a stray CNI_COMMAND of Podman's caller comes through. */
function isDriverCall(): boolean {
  const word = process.argv[2];
  if (word !== undefined) return DRIVER_VERBS.has(word);
  return process.env['CNI_COMMAND'] === undefined && /\/netavark\/[^/]+$/.test(process.argv0);
}
