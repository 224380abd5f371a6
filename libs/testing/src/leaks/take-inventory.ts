import type { Sandbox } from '../sandbox.ts';
import { inventoryOf, type Fact, type Inventory } from './fact.ts';
import * as network from './network.ts';
import { processFacts } from './processes.ts';
import { rulesetFacts } from './ruleset.ts';
import { settingFacts } from './settings.ts';

type Json = Record<string, unknown>;

/** Where the plugins and the reference plugins keep their state. */
const STATE_FOLDERS = ['/run/cni', '/run/flatnet', '/var/lib/cni', '/var/lib/flatnet'];
/** Stores that a test has in its scratch folder: leases of flatnet-ipam and of host-local, records of published ports. */
const STORES = ['*/b-*-*-*/*', '*/leases/*', '*/cni/networks/*', '*/hostport/*'];

/** A section begins with this and its name. */
const MARK = '\u0001';

/**
 * All in one shell: each program started from outside would cost a `nsenter` more.
 * `/proc/[0-9]*` is expanded by the shell itself, which has no parent inside and so does not count.
 */
const SCRIPT = `
s() { printf '\\001%s\\n' "$1"; }
s nft; nft -j list ruleset
s ip; printf '%s\\n' 'link show' 'address show' 'route show table all' 'rule show' 'neigh show nud permanent' | ip -j -d -batch -
s ip6; ip -6 -j rule show
s bridge; printf '%s\\n' 'vlan show' 'fdb show' | bridge -j -batch -
s proc; grep -rs . /proc/sys/net /proc/[0-9]*/stat
s files; find "$@" 2>/dev/null
s netns; for n in /run/netns/*; do [ -e "$n" ] && echo "\${n##*/}"; done
true
`;

/** Everything that an attachment may leave behind or take away on the host. */
export async function takeInventory(sandbox: Sandbox): Promise<Inventory> {
  const inFolder = STORES.flatMap((pattern, index) => [...(index > 0 ? ['-o'] : []), '-path', pattern]);
  const places = [
    ...[...STATE_FOLDERS, sandbox.folder, '-mindepth', '1', '-not', '-type', 'l'],
    ...['(', '-not', '-path', `${sandbox.folder}/*`, '-o', '(', ...inFolder, ')', ')', '-print'],
  ];
  const printed = await sandbox.must('/bin/sh', ['-c', SCRIPT, 'inventory', ...places], { maxBytes: 64 * 1024 * 1024 });
  return inventoryOf(factsOf(sectionsOf(printed)));
}

const sectionsOf = (printed: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    printed
      .split(MARK)
      .slice(1)
      .map((section) => section.trimEnd().split('\n'))
      .map(([name = '', ...lines]) => [name, lines]),
  );

function factsOf(sections: ReadonlyMap<string, readonly string[]>): readonly Fact[] {
  const lines = (name: string): readonly string[] => sections.get(name) ?? [];
  const documents = (name: string): Json[][] => lines(name).map((line) => JSON.parse(line) as Json[]);
  const [links = [], addresses = [], routes = [], rules = [], neighbours = []] = documents('ip');
  const [vlans = [], fdb = []] = documents('bridge');
  return [
    ...rulesetFacts(lines('nft').join('\n')),
    ...network.linkFacts(links),
    ...network.addressFacts(addresses),
    ...network.routeFacts(routes),
    ...network.ruleFacts('IPv4', rules),
    ...network.ruleFacts('IPv6', documents('ip6').flat()),
    ...network.neighbourFacts(neighbours),
    ...network.vlanFacts(vlans),
    ...network.fdbFacts(fdb),
    ...settingFacts(lines('proc')),
    ...processFacts(lines('proc')),
    ...lines('files').map((path): Fact => ({ kind: 'file', name: path, text: path })),
    ...lines('netns').map((name): Fact => ({ kind: 'netns', text: name })),
  ];
}
