/** The words of this library. */
import type { Direction, Verdicts } from './language/index.ts';

/** An attachment by its names and their hashes (`@flatnet/cni`). */
export interface Owner {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly networkHash: string;
  readonly hash: string;
}
export type OwnerKey = Pick<Owner, 'networkHash' | 'hash'>;

/**
 * Which other networks' containers a network's containers reach: `open` all; `same-bridge` none of those that are closed too;
 * `isolated` beside that not even each other; `strict` none at all.
 */
export const INGRESS_POLICIES = ['open', 'same-bridge', 'isolated', 'strict'] as const;
export type IngressPolicy = (typeof INGRESS_POLICIES)[number];

/** What reaches a network from outside of the host: `open` all, `published` answers and published ports. */
export const EXTERNALS = ['open', 'published'] as const;
export type External = (typeof EXTERNALS)[number];

/** What holds for all attachments of a network. */
export interface Network {
  readonly name: string;
  readonly hash: string;
  readonly bridge: string;
  readonly ingressPolicy: IngressPolicy;
  readonly external: External;
  /** Published ports do not cross the isolation. */
  readonly isolatePublished: boolean;
  /** Names of networks that its containers reach all the same. */
  readonly allowNetworks: readonly string[];
  /** Sources that no attachment has are closed: so where a policy closes the way out of any container. */
  readonly isListed: boolean;
  /** Packets between its containers are judged, too. */
  readonly judgesSiblings: boolean;
}

/** One container's interface, and what holds for it. */
export interface Attachment {
  readonly owner: Owner;
  /** Of the device that packets of the container come by. */
  readonly bridge: string;
  /** Without prefix length, link-local ones too. */
  readonly addresses: readonly string[];
  /** Its names and aliases. */
  readonly names: readonly string[];
  readonly verdicts: Verdicts;
  /** Patterns of peers, of its own configuration, that mean this container. */
  readonly peers: readonly string[];
}

export type { Direction, Verdicts };

export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
