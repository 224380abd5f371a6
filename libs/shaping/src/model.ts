/** The words of this library. Directions are the container's: `down` is what it receives, `up` is what it sends. */

/** An attachment by its names and their hashes (`@flatnet/cni`). */
export interface Owner {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly networkHash: string;
  readonly hash: string;
}

/** Which of an owner's fields name what it has in the kernel. */
export type OwnerKey = Pick<Owner, 'networkHash' | 'hash'>;

export interface Limit {
  /** Bits in a second, at least 8. */
  readonly rate: number;
  /** Bits that may pass at once; absent: chosen for the rate. */
  readonly burst?: number;
}

/** Subnets of the other end: `shaped`, all others pass freely; `unshaped`, these do. In CIDR notation, without host bits. */
export interface Exemption {
  readonly mode: 'shaped' | 'unshaped';
  readonly subnets: readonly string[];
}

/** What an attachment shall have. */
export interface Limits {
  readonly down?: Limit;
  readonly up?: Limit;
  /** How long a packet may wait, in milliseconds; 25 when absent. */
  readonly latency?: number;
  readonly exemption?: Exemption;
}

export const isLimited = ({ down, up }: Limits): boolean => down !== undefined || up !== undefined;

/** What holds the limit of what the container sends: an ifb behind nftables or behind a u32 filter, or the container's own end. */
export type Redirection = 'nft' | 'u32' | 'container';
