import { openRecords, openSys, readIfThere, type Sys, type TuneRecords } from '@flatnet/tuning';

/** What the verbs touch. Tests hand in a temporary directory, and the list of an operator. */
export interface Deps {
  readonly sys: () => Sys;
  readonly records: () => TuneRecords;
  /** The operator's list of sysctls, a regular expression in a line; undefined where there is none. */
  readonly allowlist: () => string | undefined;
}

export const realDeps: Deps = {
  sys: openSys,
  records: () => openRecords(),
  allowlist: () => readIfThere('/etc/cni/tuning/allowlist.conf'),
};
