/** Policies as values, after they were checked: the words of Kubernetes' NetworkPolicy, with names in place of selectors. */

export type Direction = 'ingress' | 'egress';

/** `dns`: port 53 of the host; `internet`: all that is neither private nor the host's. */
export const ENTITIES = ['host', 'dns', 'internet'] as const;
export type Entity = (typeof ENTITIES)[number];

export type Peer =
  /** Name or alias of containers of the own network, with `*` at an end. */
  | { readonly container: string }
  | { readonly network: string }
  | { readonly entity: Entity }
  /** In CIDR notation, host bits zero. */
  | { readonly cidr: string; readonly except: readonly string[] };

export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** All ports of a protocol, one, or a range with both ends included. */
export interface PortRange {
  readonly protocol: Protocol;
  readonly first?: number;
  readonly last?: number;
}

/** What passes: from or to any of the peers, at any of the ports. An absent list means all. */
export interface Allowance {
  readonly peers?: readonly Peer[];
  readonly ports?: readonly PortRange[];
}

export interface Policy {
  readonly name?: string;
  /** Whom it selects, by name or alias; absent: every container of the network. */
  readonly containers?: readonly string[];
  /** For each direction that it closes, what passes all the same. */
  readonly ingress?: readonly Allowance[];
  readonly egress?: readonly Allowance[];
}
