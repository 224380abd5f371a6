/** What the steps of `flatnetctl test` work on. */
import type { CachedAttachment } from '../chain/cache.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import type { World } from '../world.ts';
import type { Front } from './front.ts';
import type { Lab } from './lab.ts';

export interface Bench {
  readonly world: World;
  readonly lab: Lab;
  readonly front: Front;
  /** Of the test alone: no runtime sees these attachments. */
  readonly cacheDir: string;
  readonly file: NetworkFile;
  readonly hostPort: number;
  /** The network's bridge was not there before: it goes with the test. */
  readonly makesBridge: boolean;
  /** Aborted when the user interrupts: no step waits any longer. */
  readonly interrupted: AbortSignal;
  /** What is attached at the moment; `detach` takes it from here. */
  readonly attached: CachedAttachment[];
}

export const containerIdOf = (part: 'a' | 'b'): string => `flatnet-test-${process.pid}-${part}`;
