/** The configuration of a server. Pure. */
import type { Upstreams } from './model.ts';

/** Port 53 of the bridge's addresses, where no other program has it. */
export const DNS_PORT = 53;

export interface Server {
  readonly bridges: readonly string[];
  readonly domain: string;
  readonly upstreams: Upstreams;
  /** Folders with a file for each attachment. */
  readonly hosts: readonly string[];
  readonly pidFile: string;
  readonly port: number;
  /** What the host's resolvers are read from. */
  readonly resolvFile: string;
}

/**
 * dnsmasq(8): `bind-dynamic` serves the bridge only, and goes on when it is made anew; `local-ttl=0` keeps resolvers from answering with
 * addresses of a container that is gone.
 */
export const confOf = (server: Server): string =>
  [
    '# Made by flatnet-dns, which replaces it: changes are lost.',
    `port=${server.port}`,
    'user=nobody',
    `pid-file=${server.pidFile}`,
    'no-hosts',
    ...server.hosts.map((folder) => `addn-hosts=${folder}`),
    ...server.bridges.map((bridge) => `interface=${bridge}`),
    'except-interface=lo',
    'bind-dynamic',
    `domain=${server.domain}`,
    `local=/${server.domain}/`,
    'expand-hosts',
    'domain-needed',
    'bogus-priv',
    'local-ttl=0',
    'strict-order',
    ...upstreamLines(server),
    '',
  ].join('\n');

function upstreamLines({ upstreams, resolvFile }: Server): readonly string[] {
  if (upstreams === 'host') return [`resolv-file=${resolvFile}`];
  return ['no-resolv', ...(upstreams === 'none' ? [] : upstreams.map((address) => `server=${address}`))];
}

/** The port that a configuration says; undefined for a text that is none of ours. */
export function portIn(conf: string | undefined): number | undefined {
  const found = /^port=(\d+)$/m.exec(conf ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
