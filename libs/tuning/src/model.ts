/** What is set on a container's interface, and in its network namespace. An absent field stays as it is. */
export interface LinkTuning {
  /** `aa:bb:cc:dd:ee:ff` */
  readonly mac?: string;
  readonly mtu?: number;
  readonly promiscuous?: boolean;
  readonly allMulticast?: boolean;
  readonly txQueueLength?: number;
}

/** A file below /proc/sys, and what is written to it. */
export interface Sysctl {
  /** `net/ipv4/conf/eth0/arp_notify` */
  readonly path: string;
  readonly value: string;
}

export interface Tuning {
  readonly link: LinkTuning;
  readonly sysctls: readonly Sysctl[];
}

/** An attachment by its names and their hashes (`@flatnet/cni`). */
export interface Owner {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly networkHash: string;
  readonly hash: string;
}
