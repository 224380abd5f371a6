/** Configuration versions that every flatnet plugin speaks, oldest first. */
export const SUPPORTED_VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

export type CniVersion = (typeof SUPPORTED_VERSIONS)[number];

/** The version that results have inside flatnet, and that the skeleton converts from. */
export const NEWEST_VERSION: CniVersion = '1.1.0';

/** A configuration without `cniVersion` is of this version (spec 0.1.0 and the reference decoder). */
export const DEFAULT_VERSION: CniVersion = '0.1.0';

export const VERBS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type Verb = (typeof VERBS)[number];

const FIRST_VERSION: Partial<Record<Verb, CniVersion>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' };

export const isSupportedVersion = (text: string): text is CniVersion =>
  (SUPPORTED_VERSIONS as readonly string[]).includes(text);

/** Whether `version` is `floor` or newer. */
export const isAtLeast = (version: CniVersion, floor: CniVersion): boolean =>
  SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(floor);

/** The first version that knows `verb`. */
export const firstVersionOf = (verb: Verb): CniVersion => FIRST_VERSION[verb] ?? DEFAULT_VERSION;
