/** What one attachment publishes, as a value: it is what ADD wants, what the record on disk holds, and what `reload` rebuilds from. */

export type Family = 4 | 6;
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** `count` consecutive host ports from `hostPort` on, mapped in step to container ports from `port` on. */
export interface Publication {
  readonly family: Family;
  readonly protocol: Protocol;
  /** The one host address that is listened on; absent: every address of the host in this family. */
  readonly hostIp?: string;
  readonly hostPort: number;
  readonly count: number;
  /** The container's address. */
  readonly address: string;
  readonly port: number;
  /** Clients that may connect, as CIDRs of the same family; absent: all. The host itself always may. */
  readonly allowFrom?: readonly string[];
}

/** Whose published flows are masqueraded on their way to the container at `address`: those from `from` (CIDR) and the host, or all. */
export interface Hairpin {
  readonly family: Family;
  readonly address: string;
  readonly from: string | 'all';
}

export interface Owner {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  /** 12 and 24 hex digits, from the protocol's `networkHash` and `attachmentHash`. */
  readonly networkHash: string;
  readonly hash: string;
}

export interface Plan {
  readonly owner: Owner;
  /** The container's address of each family, which its flows answer from. */
  readonly publications: readonly Publication[];
  readonly hairpins: readonly Hairpin[];
  /** The host's interface towards the container, when 127.0.0.0/8 has to be routed to it. */
  readonly localInterface?: string;
}

/** One published port of a publication. */
export interface Port {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly hostIp?: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
  readonly allowFrom?: readonly string[];
}

/** The ports of a publication, one by one. */
export const portsOf = (publications: readonly Publication[]): readonly Port[] =>
  publications.flatMap(({ count, ...first }) =>
    Array.from({ length: count }, (_, i) => ({ ...first, hostPort: first.hostPort + i, port: first.port + i })),
  );

/** The same port, published on every address of the host. */
export const onAllAddresses = ({ hostIp: _hostIp, ...port }: Port): Port => port;

/** Equal for ports that listen on the same thing. */
export const listenKey = (port: Port): string =>
  `${port.family}/${port.protocol}/${port.hostPort}/${port.hostIp ?? '*'}`;

/** Equal for ports that are the same in everything. */
export const portKey = (port: Port): string =>
  `${listenKey(port)}>${port.address}:${port.port}<${port.allowFrom?.join() ?? ''}`;

/** For messages: `8080/tcp on 192.0.2.1`. */
export const describePort = (port: Pick<Port, 'family' | 'protocol' | 'hostIp' | 'hostPort'>): string =>
  `${port.hostPort}/${port.protocol} on ${port.hostIp ?? (port.family === 4 ? '0.0.0.0' : '[::]')}`;

const follows = (a: Publication, b: Port): boolean =>
  a.family === b.family &&
  a.protocol === b.protocol &&
  a.hostIp === b.hostIp &&
  a.address === b.address &&
  a.hostPort + a.count === b.hostPort &&
  a.port + a.count === b.port &&
  a.allowFrom?.join() === b.allowFrom?.join();

// localeCompare costs a hundred times as much, and a range is a thousand ports.
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Joins ports that run in step; runtimes expand a range to one entry per port. */
export const mergePorts = (ports: readonly Port[]): readonly Publication[] => {
  const sorted = [...ports].sort(
    (a, b) =>
      a.family - b.family ||
      byText(a.protocol, b.protocol) ||
      byText(a.hostIp ?? '', b.hostIp ?? '') ||
      a.hostPort - b.hostPort,
  );
  const merged: Publication[] = [];
  for (const port of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && follows(last, port)) merged[merged.length - 1] = { ...last, count: last.count + 1 };
    else merged.push({ ...port, count: 1 });
  }
  return merged;
};
