/** What happens to the first packet of a connection at one place. */
export interface Hop {
  /** `table inet flatnet_policy, chain egress`, `bridge br-a`. */
  readonly where: string;
  /** The rule, element or setting that decides there. */
  readonly by: string;
  /** What it stands for: a policy, a network's setting. */
  readonly because: string;
  /** `passes`: to the next hop. */
  readonly verdict: Fate;
}

/** `refused` is told to the asking side at once; `unknown`: a rule of another program is not understood. */
export type Fate = 'passes' | 'refused' | 'dropped' | 'unknown';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface Explained {
  readonly from: Place;
  readonly to: Place;
  readonly protocol: string;
  readonly port: number;
  readonly verdict: Fate;
  readonly hops: readonly Hop[];
}

export interface Place {
  /** A container's name, `host`, `internet` or an address. */
  readonly name: string;
  readonly network?: string;
  readonly address: string;
}
