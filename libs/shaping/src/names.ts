/** What an attachment's things in the kernel are called. All names follow from the attachment's: nothing has to be remembered. */
import { handleOf } from '@flatnet/netlink/route/tc-header';
import type { Owner, OwnerKey } from './model.ts';

export const TABLE = { family: 'netdev', table: 'flatnet_shape' } as const;

/** Handles by which our disciplines are known. */
export const HANDLES = {
  /** A token bucket at the root, and fair queues below it. */
  bucket: handleOf(0xf1a7),
  fair: handleOf(0xf1a8),
  /** Classes at the root, a token bucket below the limited one, and fair queues below that. */
  classes: handleOf(0xf1a9),
  leaf: handleOf(0xf1aa),
  leafFair: handleOf(0xf1ab),
} as const;
export const FREE_CLASS = 1;
export const LIMITED_CLASS = 2;
export const isOurs = (handle: number): boolean => handle === HANDLES.bucket || handle === HANDLES.classes;

/** The first of the three preferences that our filters have at the hook of a host end. */
export const FIRST_PREFERENCE = 0xf1a0;

/** The ifb: `flq` is no prefix of another link of flatnet's. */
export const ifbName = ({ hash }: OwnerKey): string => `flq${hash.slice(0, 12)}`;

/** An alternative name of the host end tells whose it is, and goes with it. */
export const hostMark = ({ networkHash, hash }: OwnerKey): string => `flatnet-shape-${networkHash}-${hash}`;

/** Another says that the hook for what comes was made by us. */
export const hookMark = ({ networkHash, hash }: OwnerKey): string => `flatnet-hook-${networkHash}-${hash}`;

export const chainName = ({ networkHash, hash }: OwnerKey): string => `s_${networkHash}_${hash}`;

const ALIAS_BYTES = 255;

/** `ifalias` of the ifb: hashes for this library, names for people. */
export const ifbAlias = ({ networkHash, hash, network, containerId, ifName }: Owner): string =>
  `flatnet-bandwidth ${networkHash} ${hash} ${ifName} of ${containerId} on ${network}`.slice(0, ALIAS_BYTES);

const PATTERNS = [
  /^flatnet-shape-([0-9a-f]{12})-([0-9a-f]{24})$/,
  /^s_([0-9a-f]{12})_([0-9a-f]{24})$/,
  /^flatnet-bandwidth ([0-9a-f]{12}) ([0-9a-f]{24}) /,
];

/** Whose thing has this alternative name, alias or chain's name; undefined for one that is not ours. */
export function ownerOf(name: string): OwnerKey | undefined {
  for (const pattern of PATTERNS) {
    const [, networkHash, hash] = pattern.exec(name) ?? [];
    if (networkHash !== undefined && hash !== undefined) return { networkHash, hash };
  }
  return undefined;
}
