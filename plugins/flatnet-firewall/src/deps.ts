import { realWorld, type World } from '@flatnet/policy';

/** What the verbs touch. Tests hand in a kernel that refuses, and a temporary folder. */
export interface Deps {
  readonly world: (signal?: AbortSignal) => World;
}

export const realDeps: Deps = { world: realWorld };
