import { AddressError, parseIp, type Ip } from '@flatnet/addressing';
import type { Files } from './files.ts';
import { isSegmentFolder, type LeaseKey } from './names.ts';

/** One attachment's addresses: all of them live and die together. */
export interface Lease {
  readonly network: string;
  readonly attachment: LeaseKey;
  readonly ips: readonly Ip[];
  /** Path of the network namespace at ADD. */
  readonly netns?: string;
  /** The segment in which the addresses are claimed too (`Segment`). */
  readonly segment?: string;
  /** The container's name, if the runtime told it. */
  readonly name?: string;
  /** The process that made the lease (`Processes`). */
  readonly creator: string;
  /** When, ISO 8601. For people only: clocks are set. */
  readonly since: string;
}

/** A container id may be as long as one environment string (128 KiB). */
const MAX_RECORD_BYTES = 256 * 1024;
const FORMAT = 1;

/** Written once, never changed; the addresses in their canonical spelling, so that `cat` tells everything. */
export const renderRecord = (lease: Lease): string => {
  const { network, attachment, ips, segment, netns, name, creator, since } = lease;
  const { containerId, ifName } = attachment;
  const fields = { v: FORMAT, network, containerId, ifName, ips: ips.map(String), segment, netns, name, creator };
  return `${JSON.stringify({ ...fields, at: since })}\n`;
};

/** The lease of a record file; undefined when it is not there, not a regular file, too big, torn, or not a record. */
export const readRecord = (files: Files, path: string): Lease | undefined => {
  const text = readRecordText(files, path);
  return text === undefined ? undefined : parseRecord(text);
};

/** The text of a record file. Two leases never have the same: it names the process that made it, and when. */
export const readRecordText = (files: Files, path: string): string | undefined => files.read(path, MAX_RECORD_BYTES);

export const parseRecord = (text: string): Lease | undefined => {
  try {
    return leaseOf(new Map(Object.entries(JSON.parse(text) as object)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof AddressError) return undefined;
    throw error;
  }
};

const leaseOf = (fields: ReadonlyMap<string, unknown>): Lease | undefined => {
  const text = (key: string): string | undefined => {
    const value = fields.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const list: unknown = fields.get('ips');
  const containerId = text('containerId');
  if (fields.get('v') !== FORMAT || !containerId || !Array.isArray(list) || list.length === 0) return undefined;
  const [segment, netns, name] = [text('segment'), text('netns'), text('name')];
  return {
    network: text('network') ?? '',
    attachment: { containerId, ifName: text('ifName') ?? '' },
    ips: list.map((ip: unknown) => parseIp(String(ip))),
    ...(segment !== undefined && isSegmentFolder(segment) ? { segment } : {}),
    ...(netns === undefined ? {} : { netns }),
    ...(name === undefined ? {} : { name }),
    creator: text('creator') ?? '',
    since: text('at') ?? '',
  };
};
