import { delegateAdd, delegateVerb, findPlugin } from '@flatnet/invoke';
import { type Kernel, realKernel } from '@flatnet/kernel';

/** What the handlers touch of the world; tests hand in fakes. */
export interface Deps {
  /** With a signal, it changes nothing after that aborts; undoing takes a kernel without one. */
  kernel(signal?: AbortSignal): Kernel;
  readonly delegateAdd: typeof delegateAdd;
  readonly delegateVerb: typeof delegateVerb;
  readonly findPlugin: typeof findPlugin;
}

export const realDeps: Deps = { kernel: realKernel, delegateAdd, delegateVerb, findPlugin };
