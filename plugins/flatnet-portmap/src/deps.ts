import { type Kernel, realKernel } from '@flatnet/kernel';
import { Records } from '@flatnet/hostport';

/** What the verbs touch. Tests hand in a fake kernel and a temporary directory. */
export interface Deps {
  readonly kernel: (signal?: AbortSignal) => Pick<Kernel, 'nft' | 'conntrack' | 'proc' | 'rtnetlink'>;
  /** `dataDir` of the configuration; undefined: the default. */
  readonly records: (dataDir: string | undefined) => Records;
}

export const realDeps: Deps = { kernel: realKernel, records: (dataDir) => new Records(dataDir) };
