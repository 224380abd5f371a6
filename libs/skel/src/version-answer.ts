import { NEWEST_VERSION, SUPPORTED_VERSIONS } from '@flatnet/cni/version';
import type { Outcome } from './plugin.ts';

/** The answer to VERSION (spec, "VERSION"), the same for every plugin. It needs neither stdin nor any other variable. */
export const answerVersion = (): Outcome => ({
  exitCode: 0,
  stdout: JSON.stringify({ cniVersion: NEWEST_VERSION, supportedVersions: SUPPORTED_VERSIONS }),
});
