/** The interfaces that the guard of 127.0.0.0/8 watches, and when it stops. */
import { existsSync } from 'node:fs';
import type { Run } from '@flatnet/exec';
import { type ApplyOptions, applyNft } from '@flatnet/kernel';
import type { Plan } from './model.ts';
import type { Records } from './record.ts';
import { isKind } from './release.ts';
import { unguard } from './ruleset.ts';

const GUARDED = 'guarded';

/** Notes that the plan's interface is about to be guarded. */
export const noteInterface = (records: Records, { localInterface }: Plan): void => {
  if (localInterface !== undefined) records.localnet.add(localInterface, GUARDED);
};

/**
 * Takes interfaces that are gone out of the guard: behind a main plugin like ptp each container has one of its own. An interface that
 * is there stays guarded, because its route_localnet stays 1: it may have been so before us.
 */
export const forgetInterfaces = async (run: Run, records: Records, options: ApplyOptions): Promise<void> => {
  const gone = records.localnet.things().filter((name) => !existsSync(`/proc/sys/net/ipv4/conf/${name}`));
  for (const name of gone) {
    try {
      await applyNft(run, unguard([name]), options);
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
    }
    records.localnet.drop(name, GUARDED);
  }
};
