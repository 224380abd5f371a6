import { realWorld, type World } from '@flatnet/policy';

/** Isolation and policies on this host. */
export interface HostPolicies {
  readonly open: () => World;
}

export const hostPolicies: HostPolicies = { open: () => realWorld() };
