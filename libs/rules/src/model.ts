/** What the rules of one attachment are, as a value: ADD makes it so, CHECK compares it, the operator's reload rebuilds it. */

/** Which plugin the rules are of. Both may have rules for one attachment, and neither touches those of the other. */
export type Maker = 'flatnet' | 'flatnet-portmap';

/** Whose rules: every name in the kernel is derived from this. */
export interface RuleOwner {
  readonly maker: Maker;
  /** 12 hex digits (`networkHash` of the protocol). */
  readonly networkHash: string;
  /** The first 12 hex digits of `attachmentHash`, which are those of the host end's name. */
  readonly attachment: string;
}

export interface MasqueradeRules {
  /** The container's addresses, without prefix length. */
  readonly addresses: readonly string[];
  /** Destinations that keep the container's address, in CIDR notation with the host bits zero. */
  readonly subnets: readonly string[];
  /** Fixed source addresses in place of those of the outgoing interface. */
  readonly snat4?: string;
  readonly snat6?: string;
}

export interface AntiSpoofRules {
  readonly mac: string;
  /** Addresses without prefix length. Absent: `macspoofchk`, which looks at the MAC alone. */
  readonly addresses?: readonly string[];
}

export interface AttachmentRules {
  readonly owner: RuleOwner;
  readonly masquerade?: MasqueradeRules;
  /** Addresses whose TCP connections announce no larger segments than their route carries. */
  readonly clamped?: readonly string[];
  readonly antiSpoof?: AntiSpoofRules;
  /** The device by which packets of the container reach the host's routing: where two networks have one address, it tells them apart. */
  readonly device?: string;
}

/** The name of the host end (README of the flatnet plugin). */
export const hostEndOf = ({ attachment }: Pick<RuleOwner, 'attachment'>): string => `fl${attachment}`;

export const familyOf = (text: string): 4 | 6 => (text.includes(':') ? 6 : 4);

/** Whether the attachment needs no rule at all. */
export const isEmpty = ({ masquerade, clamped, antiSpoof }: AttachmentRules): boolean =>
  masquerade === undefined && clamped === undefined && antiSpoof === undefined;

export const isSameOwner = (one: RuleOwner, other: RuleOwner): boolean =>
  one.maker === other.maker && one.networkHash === other.networkHash && one.attachment === other.attachment;
