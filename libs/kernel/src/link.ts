import type { IpCommand } from './batch.ts';
import { queryIp } from './ip.ts';
import type { Kernel } from './kernel.ts';
import { ToolError } from '@flatnet/exec';

/** A veth pair: the host end here, the container end made in place in the namespace at `netns`. */
export interface VethSpec {
  readonly host: string;
  readonly hostMac: string;
  readonly container: string;
  readonly containerMac: string;
  readonly netns: string;
  readonly mtu?: number;
  /** Group of the host end: the one attribute beside the MAC that the kernel sets in the creating call itself (it ignores an alias there). */
  readonly group?: number;
}

const mtuWords = (mtu: number | undefined): IpCommand => (mtu === undefined ? [] : ['mtu', String(mtu)]);

/** Both MACs are given at creation: udev rewrites those that it believes were made up by the kernel. */
export const createVeth = (spec: VethSpec): IpCommand => [
  ...['link', 'add', 'name', spec.host, 'address', spec.hostMac, ...mtuWords(spec.mtu)],
  ...(spec.group === undefined ? [] : ['group', String(spec.group)]),
  ...['type', 'veth'],
  ...['peer', 'name', spec.container, 'address', spec.containerMac, ...mtuWords(spec.mtu), 'netns', spec.netns],
];

export interface BridgeSpec {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
}

export const createBridge = ({ name, mac, mtu }: BridgeSpec): IpCommand => [
  ...['link', 'add', 'name', name, ...(mac === undefined ? [] : ['address', mac]), ...mtuWords(mtu), 'type', 'bridge'],
];

/** `ip link set dev NAME words…` */
export const setLink = (name: string, ...words: string[]): IpCommand => ['link', 'set', 'dev', name, ...words];

/** Flags of a bridge port. It fails when the master is not a bridge. */
export const setPort = (name: string, flags: Readonly<Record<string, boolean>>): IpCommand => [
  ...['link', 'set', 'dev', name, 'type', 'bridge_slave'],
  ...Object.entries(flags).flatMap(([flag, on]) => [flag, on ? 'on' : 'off']),
];

/** A second, long name (kernel 5.5): deleting by it checks the owner and deletes in one step. */
export const addAlternativeName = (name: string, alternative: string): IpCommand => [
  ...['link', 'property', 'add', 'dev', name, 'altname', alternative],
];

export const deleteLink = (name: string): IpCommand => ['link', 'delete', 'dev', name];

/** Prints one link with its addresses: alone, or in a batch of `applyAndList`. */
export const showAddresses = (name: string): IpCommand => ['address', 'show', 'dev', name];

/** What `ip -j -d link show` says of a link, as far as flatnet looks at it. */
export interface Link {
  readonly name: string;
  readonly index: number;
  readonly kind?: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly up: boolean;
  readonly promiscuous: boolean;
  readonly master?: string;
  readonly alias?: string;
  /** Name or number; `default` is group 0. */
  readonly group?: string;
  readonly alternativeNames: readonly string[];
  /** Index of the other end of a veth, in its own namespace. */
  readonly peerIndex?: number;
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  /** State of a bridge port: only `forwarding` passes frames. */
  readonly portState?: string;
}

/** A link with its addresses, in CIDR notation as the kernel prints them. */
export interface AddressedLink extends Link {
  readonly addresses: readonly string[];
}

/** The link `name` in the namespace at `netns` (or here), or undefined. @throws IpError. */
export async function findLink(kernel: Kernel, name: string, netns?: string): Promise<Link | undefined> {
  try {
    const [entry] = await queryIp(kernel, `look at link ${name}`, ['-d', 'link', 'show', 'dev', name], netns);
    return entry === undefined ? undefined : parseLink(entry);
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'not-found') return undefined;
    throw error;
  }
}

/** All links, or those of a kind. @throws IpError. */
export async function listLinks(kernel: Kernel, filter: readonly string[] = []): Promise<readonly Link[]> {
  return (await queryIp(kernel, 'list links', ['-d', 'link', 'show', ...filter])).map(parseLink);
}

/** The link `name` with its addresses, or undefined. Unlike /proc, it tells of a link that is down, too. @throws IpError. */
export async function findAddressedLink(
  kernel: Kernel,
  name: string,
  netns?: string,
): Promise<AddressedLink | undefined> {
  try {
    const [entry] = await queryIp(kernel, `look at link ${name}`, ['-d', ...showAddresses(name)], netns);
    return entry === undefined ? undefined : parseAddressedLink(entry);
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'not-found') return undefined;
    throw error;
  }
}

/** @param entry one element of `ip -j address show`. */
export function parseAddressedLink(entry: Record<string, unknown>): AddressedLink {
  const listed: readonly unknown[] = Array.isArray(entry['addr_info']) ? entry['addr_info'] : [];
  const addresses = listed.map(record).map(({ local, prefixlen }) => `${String(local)}/${String(prefixlen)}`);
  return { ...parseLink(entry), addresses };
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];

/** @param entry one element of `ip -j -d link show`. */
export function parseLink(entry: Record<string, unknown>): Link {
  const info = record(entry['linkinfo']);
  const port = record(info['info_slave_data']);
  const flags = strings(entry['flags']);
  const optional = {
    kind: text(info['info_kind']),
    mac: text(entry['address']),
    mtu: number(entry['mtu']),
    master: text(entry['master']),
    alias: text(entry['ifalias']),
    group: text(entry['group']),
    peerIndex: number(entry['link_index']),
    hairpin: typeof port['hairpin'] === 'boolean' ? port['hairpin'] : undefined,
    isolated: typeof port['isolated'] === 'boolean' ? port['isolated'] : undefined,
    portState: text(port['state']),
  };
  return {
    name: text(entry['ifname']) ?? '',
    index: number(entry['ifindex']) ?? 0,
    up: flags.includes('UP'),
    promiscuous: flags.includes('PROMISC'),
    alternativeNames: strings(entry['altnames']),
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as typeof optional extends infer O ? { [K in keyof O]?: Exclude<O[K], undefined> } : never),
  };
}
