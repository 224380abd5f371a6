import { shown } from './shown.ts';
import { CniError, ErrorCode } from './error.ts';

/** What every plugin of a chain may meet in CNI_ARGS (CONVENTIONS.md, and what Podman and Kubernetes send). */
const COMMON_KEYS = new Set([
  'IgnoreUnknown',
  'IP',
  'MAC',
  'GATEWAY',
  'K8S_POD_NAME',
  'K8S_POD_NAMESPACE',
  'K8S_POD_INFRA_CONTAINER_ID',
  'K8S_POD_UID',
  'FLATNET_POLICY',
]);

/**
 * Parses CNI_ARGS (`K=V;K=V`). A repeated key keeps its last value.
 *
 * @throws CniError code 4 for a pair without `=`, and for an unknown key unless `IgnoreUnknown` is `1` or `true`.
 */
export function parseCniArgs(text: string, known: readonly string[] = []): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const pair of text.split(';')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    if (at < 1) {
      throw new CniError(
        ErrorCode.invalidEnvironment,
        'invalid CNI_ARGS',
        `${shown(pair)} is not of the form KEY=VALUE`,
      );
    }
    args.set(pair.slice(0, at), pair.slice(at + 1));
  }
  if (['1', 'true'].includes((args.get('IgnoreUnknown') ?? '').toLowerCase())) return args;
  const unknown = [...args.keys()].filter((key) => !COMMON_KEYS.has(key) && !known.includes(key));
  if (unknown.length === 0) return args;
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `unknown CNI_ARGS key ${shown(unknown[0])}`,
    `unknown: ${shown(unknown)}; remove it, or add IgnoreUnknown=1`,
  );
}
