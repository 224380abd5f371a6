import { sha256Hex } from '@flatnet/digest';
import { AddressError, ipFromHex, type Ip } from '@flatnet/addressing';

/** Whose lease it is: CNI_CONTAINERID and CNI_IFNAME. An empty `ifName` stands for every interface (imported old leases). */
export interface LeaseKey {
  readonly containerId: string;
  readonly ifName: string;
}

const MAX_NAME = 255;

/** A name that cannot clash with a legal one: `=` starts no container id and no network name. */
const fitting = (name: string): string => (Buffer.byteLength(name) <= MAX_NAME ? name : `=${sha256Hex(name)}`);

/** `:` is in neither id, so two keys never share a name. */
export const attachmentName = ({ containerId, ifName }: LeaseKey): string => fitting(`${containerId}:${ifName}`);

export const networkFolder = (network: string): string => fitting(network);

/** One address, one name: fixed-width hexadecimal of the number behind the family. */
export const ipName = (ip: Ip): string => `${ip.family}-${ip.toHex()}`;

/** `ipName` of a bare number, for loops over tens of thousands of addresses, in which making an Ip each would cost a quarter of a second. */
export const ipNameOf = (family: 4 | 6, value: bigint): string =>
  `${family}-${value.toString(16).padStart(family === 4 ? 8 : 32, '0')}`;

export const ipOfName = (name: string): Ip | undefined => {
  try {
    if (name.startsWith('4-')) return ipFromHex(4, name.slice(2));
    if (name.startsWith('6-')) return ipFromHex(6, name.slice(2));
    return undefined;
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
};

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/;

/** The folder of a layer 2 segment. A network's folder never has this name: with `=` it has 64 digits behind it. */
export const segmentFolder = (device: string): string =>
  `=${SEGMENT.test(device) ? device : sha256Hex(device).slice(0, 32)}`;

export const isSegmentFolder = (name: string): boolean => name.startsWith('=') && SEGMENT.test(name.slice(1));

/** A pool is named by its ranges, and its name is read on each ADD: hashing it takes as long as claiming the address. */
const POOL = /^[0-9a-f.:,-]{1,200}$/;

export const cursorName = (pool: string): string => `cur.${POOL.test(pool) ? pool : sha256Hex(pool).slice(0, 16)}`;

export const rememberedName = (name: string): string => sha256Hex(name).slice(0, 32);
