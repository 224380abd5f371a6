import { findTool } from '@flatnet/exec';
import { findExecutable } from '../chain/find-executable.ts';
import { environment, OperatorError } from '../failure.ts';
import { ISOLATING_PLUGIN } from './plan-network.ts';

/**
 * Refuses a network that promises to keep others out where nothing would: the chain needs the reference plugin, and for
 * `ingressPolicy` that plugin needs iptables, whatever its backend.
 *
 * @throws OperatorError (environment)
 */
export function assertCanIsolate(
  cniPath: readonly string[],
  find: (tool: string) => string | undefined = findTool,
): void {
  try {
    findExecutable(ISOLATING_PLUGIN, cniPath);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const next = `apt-get install containernetworking-plugins, or name the directory of ${ISOLATING_PLUGIN} with --cni-path`;
    throw environment(`--isolate: ${error.message}`, next, error);
  }
  if (find('iptables') !== undefined) return;
  throw environment(
    `--isolate: plugin ${ISOLATING_PLUGIN} keeps networks apart by iptables, which is not installed`,
    'apt-get install iptables',
  );
}
