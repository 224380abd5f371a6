import type { Fact } from './fact.ts';

type Json = Record<string, unknown>;

interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly linkinfo?: Json & { readonly info_kind?: string };
}

/** Of a link, what a program sets; whether a carrier is there follows from the other end. */
const LINK_FIELDS = ['address', 'mtu', 'master', 'promiscuity', 'txqlen', 'altnames', 'ifalias', 'group', 'qdisc'];
const VOLATILE = new Set(['valid_life_time', 'preferred_life_time', 'expires', 'flags', 'tentative', 'dadfailed']);

/** @param listed `ip -j -d link` */
export const linkFacts = (listed: Json[]): Fact[] =>
  (listed as unknown as Link[]).map((link) => {
    const { info_kind: linkKind } = link.linkinfo ?? {};
    const fields = Object.fromEntries(LINK_FIELDS.map((field) => [field, (link as unknown as Json)[field]]));
    const state = { ...fields, up: link.flags.includes('UP'), portOf: portSettings(link) };
    const kind = linkKind === undefined ? {} : { linkKind };
    return {
      kind: 'link',
      dev: link.ifname,
      text: `${link.ifname} ${linkKind ?? ''} ${JSON.stringify(state)}`,
      ...kind,
    };
  });

/** How the port stands in its bridge: learned state and timers are the bridge's own. */
function portSettings(link: Link): Json | undefined {
  const data = link.linkinfo?.['info_slave_data'] as Json | undefined;
  if (data === undefined) return undefined;
  const { isolated, hairpin, guard, learning, flood } = data;
  return { isolated, hairpin, guard, learning, flood };
}

/** @param listed `ip -j -d address` */
export const addressFacts = (listed: Json[]): Fact[] =>
  listed.flatMap((link) =>
    ((link['addr_info'] ?? []) as Json[])
      .filter((address) => address['local'] !== undefined)
      .map((address) => lineOf('address', address, link['ifname'] as string)),
  );

/**
 * Routes of all tables. Those that the kernel keeps in table `local` follow from the addresses, which are compared themselves.
 *
 * @param listed `ip -j -d route show table all`
 */
export const routeFacts = (listed: Json[]): Fact[] =>
  listed
    .filter((route) => !(route['table'] === 'local' && route['protocol'] === 'kernel'))
    .filter((route) => !(route['dst'] === 'multicast' || route['type'] === 'multicast'))
    .map((route) => lineOf('route', route, route['dev'] as string | undefined));

/** @param listed `ip -j rule`, of one family. */
export const ruleFacts = (family: string, listed: Json[]): Fact[] =>
  listed.map((rule) => ({ kind: 'rule', text: `${family} ${JSON.stringify(rule)}` }));

/** @param listed `ip -j neigh show nud permanent` */
export const neighbourFacts = (listed: Json[]): Fact[] =>
  listed
    .filter((neighbour) => (neighbour['state'] as string[]).includes('PERMANENT'))
    .map((neighbour) => lineOf('neighbour', neighbour, neighbour['dev'] as string));

/** @param listed `bridge -j vlan` */
export const vlanFacts = (listed: Json[]): Fact[] =>
  listed.map((port) => lineOf('vlan', port, port['ifname'] as string));

/**
 * Entries that were set by hand, and those of the ports' own addresses. The groups that a device listens to (`self`) follow from its addresses.
 *
 * @param listed `bridge -j fdb`
 */
export const fdbFacts = (listed: Json[]): Fact[] =>
  listed
    .filter(({ state }) => state === 'permanent' || state === 'static')
    .filter((entry) => !(entry['flags'] as string[]).includes('self'))
    .map((entry) => lineOf('fdb', { ...entry, state: entry['state'] }, entry['ifname'] as string));

function lineOf(kind: Fact['kind'], object: Json, dev: string | undefined): Fact {
  const kept = Object.fromEntries(Object.entries(object).filter(([key]) => !VOLATILE.has(key)));
  return { kind, text: `${dev ?? ''} ${JSON.stringify(kept)}`, ...(dev === undefined ? {} : { dev }) };
}
