import type { Fact } from './fact.ts';

/** Settings that count, and so change by themselves. */
const COUNTS = new Set(['netfilter/nf_conntrack_count', 'ipv4/inet_peer_threshold']);
const OF_A_LINK = /^\w+\/(?:conf|neigh)\/(?!all\/|default\/)(.+)\/[^/]+$/;

/** Everything below /proc/sys/net that can be read. @param listed lines `/proc/sys/net/NAME:VALUE`, as `grep -rs .` prints them. */
export const settingFacts = (listed: readonly string[]): Fact[] =>
  listed.flatMap((line) => {
    const [, name = '', value = ''] = /^\/proc\/sys\/net\/([^:]*):(.*)$/.exec(line) ?? [];
    if (name === '' || COUNTS.has(name)) return [];
    const dev = OF_A_LINK.exec(name)?.[1];
    return [{ kind: 'sysctl', name, text: `net/${name} = ${value}`, ...(dev === undefined ? {} : { dev }) }];
  });
