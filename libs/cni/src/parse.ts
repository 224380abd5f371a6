import { resultOf, type RawResult } from './raw-result.ts';
import { resultShape } from './result-shape.ts';
import type { AddResult } from './result.ts';
import { readShape } from './shape.ts';
import { isAtLeast, isSupportedVersion, type CniVersion } from './version.ts';

/**
 * Parses a result (a delegated plugin's stdout, or `prevResult`) of `version` into the newest shape.
 *
 * @throws CniError code 7 that names the field at fault.
 */
export async function parseResult(json: unknown, version: CniVersion, what: string): Promise<AddResult> {
  const own = typeof json === 'object' && json !== null && 'cniVersion' in json ? String(json.cniVersion) : version;
  const isOldest = !isAtLeast(isSupportedVersion(own) ? own : version, '0.3.0');
  const raw = isOldest ? undefined : readShape<RawResult>(resultShape, json);
  if (raw !== undefined) return resultOf(raw);
  // Rare, and loading the schema takes longer than all the rest of an ADD's JavaScript.
  const { decodeOldestResult, decodeResult } = await import('./result-schema.ts');
  return isOldest ? decodeOldestResult(json, what) : decodeResult(json, what);
}
