/** The configuration of a server. Pure. */
import type { Zone } from './model.ts';

/** Port 53 of the bridge's addresses, where no other program has it. */
export const DNS_PORT = 53;

export interface Server {
  /** One for the server of a network; several for a view, whose containers are on all of them. */
  readonly zones: readonly Zone[];
  /** Folders with a file for each attachment, in the order of the zones. */
  readonly hosts: readonly string[];
  readonly pidFile: string;
  /** Whether a process without rights reaches the folders of `hosts`. */
  readonly isPassable: boolean;
  readonly port: number;
  /** What the host's resolvers are read from. */
  readonly resolvFile: string;
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

/**
 * dnsmasq(8): `bind-dynamic` serves the bridges only, and goes on when they are made anew; `local-ttl=0` keeps resolvers from answering
 * with addresses of a container that is gone.
 */
export const confOf = ({ zones, hosts, pidFile, isPassable, port, resolvFile }: Server): string =>
  [
    '# Made by flatnet-dns, which replaces it: changes are lost.',
    `port=${port}`,
    // Podman without root has a /run of its own that is closed to others; root there is the user, and no more.
    `user=${isPassable ? 'nobody' : 'root'}`,
    `pid-file=${pidFile}`,
    'no-hosts',
    ...hosts.map((folder) => `addn-hosts=${folder}`),
    ...zones.map(({ bridge }) => `interface=${bridge}`),
    'except-interface=lo',
    'bind-dynamic',
    ...domainLines(zones),
    ...unique(zones.map(({ domain }) => domain)).map((domain) => `local=/${domain}/`),
    'expand-hosts',
    'domain-needed',
    'bogus-priv',
    'local-ttl=0',
    'strict-order',
    ...upstreamLines(zones, resolvFile),
    '',
  ].join('\n');

/** A name gets the domain of the network that its address is in. */
function domainLines(zones: readonly Zone[]): readonly string[] {
  const domains = unique(zones.map(({ domain }) => domain));
  if (domains.length === 1) return [`domain=${domains[0]}`];
  return zones.flatMap(({ domain, subnets }) => subnets.map((subnet) => `domain=${domain},${subnet}`));
}

/**
 * A view asks where the first of its networks asks that asks at all. Where none does, other names do not exist: with REFUSED, musl gives up
 * at the first search domain of the host, and the names of containers come after it.
 */
function upstreamLines(zones: readonly Zone[], resolvFile: string): readonly string[] {
  const upstreams = zones.map((zone) => zone.upstreams).find((each) => each !== 'none') ?? 'none';
  if (upstreams === 'host') return [`resolv-file=${resolvFile}`];
  return ['no-resolv', ...(upstreams === 'none' ? ['local=/#/'] : upstreams.map((address) => `server=${address}`))];
}

/** The port that a configuration says; undefined for a text that is none of ours. */
export function portIn(conf: string | undefined): number | undefined {
  const found = /^port=(\d+)$/m.exec(conf ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
