import { isSupportedVersion, NEWEST_VERSION, SUPPORTED_VERSIONS } from '@flatnet/cni/version';
import type { Outcome } from './plugin.ts';

/**
 * The answer to VERSION (spec, "VERSION"), the same for every plugin: in the version that the caller speaks, where it says so on `stdin`
 * and we speak it too; else in the newest.
 */
export const answerVersion = (stdin: Uint8Array): Outcome => ({
  exitCode: 0,
  stdout: JSON.stringify({ cniVersion: versionOf(stdin) ?? NEWEST_VERSION, supportedVersions: SUPPORTED_VERSIONS }),
});

function versionOf(stdin: Uint8Array): string | undefined {
  const json = parsed(stdin);
  if (typeof json !== 'object' || json === null) return undefined;
  const [, version] = Object.entries(json).find(([key]) => key.toLowerCase() === 'cniversion') ?? [];
  return typeof version === 'string' && isSupportedVersion(version) ? version : undefined;
}

/** The JSON document in `bytes`; undefined when it is none, or not all of one. */
export function parsed(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch {
    return undefined;
  }
}
