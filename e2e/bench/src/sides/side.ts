import type { Sandbox } from '../sandbox.ts';
import type { Sample } from '../sample.ts';

/** A container to be attached: an identity, a namespace, and (where ports are published) one host port. */
export interface Container {
  readonly id: string;
  readonly netns: string;
  /** Number of the container, from 2: sides without an IPAM of their own derive its address from it. */
  readonly index: number;
  readonly ports: readonly PortMapping[];
}

export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** How a program is looked at: as it is, or through a tool that changes its speed (those runs are not timed). */
export type Lens = readonly string[];

/** Something that can attach containers to a network. */
export interface Side {
  readonly name: string;
  readonly sandbox: Sandbox;
  /** Executables whose page cache is dropped for a cold start. */
  readonly executables: readonly string[];
  attach(container: Container, lens?: Lens): Promise<Sample>;
  detach(container: Container, lens?: Lens): Promise<Sample>;
  /** The address that the container got. */
  addressOf(container: Container): string;
}

export const container = (netns: string, index: number, ports: readonly PortMapping[] = []): Container => ({
  // The x keeps number 2 and number 20 apart.
  id: `bench${index}x`.padEnd(64, '0'),
  netns: `/run/netns/${netns}`,
  index,
  ports,
});

/** As a runtime names it. */
export const nameOf = ({ id }: Container): string => id.slice(0, 12);

export const published = (hostPort: number, containerPort = 80): readonly PortMapping[] => [
  { hostPort, containerPort, protocol: 'tcp' },
];
