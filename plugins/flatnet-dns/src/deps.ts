import { findTool } from '@flatnet/exec';
import { realWorld, type World } from '@flatnet/dns';

/** What the verbs touch. Tests hand in a kernel that refuses, and a temporary folder. */
export interface Deps {
  readonly world: (signal?: AbortSignal) => World;
  /** Path of dnsmasq; undefined where it is not installed. */
  readonly dnsmasq: () => string | undefined;
}

export const realDeps: Deps = { world: realWorld, dnsmasq: () => findTool('dnsmasq') };
