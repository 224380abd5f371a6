import { findTool } from '@flatnet/exec';
import { type World as Names, realWorld } from '@flatnet/dns';

/** Names of containers on this host, and the program that serves them. */
export interface HostNames {
  readonly open: () => Names;
  /** Path of dnsmasq; undefined where it is not installed. */
  readonly dnsmasq: () => string | undefined;
}

export const hostNames: HostNames = { open: () => realWorld(), dnsmasq: () => findTool('dnsmasq') };
