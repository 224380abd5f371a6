import { ErrorCode, ownerOf } from '@flatnet/cni';
import { forgetOrphanedFlows, portsOf, withdraw } from '@flatnet/hostport';
import { runAll, throwFailures, type DelRequest } from '@flatnet/skel';
import type { PortmapConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { notingFlows, tracksFlows } from './flows.ts';
import { dropOutbound } from './outbound.ts';

/**
 * DEL. What to remove comes from the attachment's record and from the kernel: neither runtimeConfig nor prevResult nor the netns is
 * needed, and success does not depend on anything being there. Ports that another network of the container does not get are noted in
 * the log.
 */
export async function del(deps: Deps, request: DelRequest<PortmapConfig>): Promise<void> {
  const { config, network, attachment } = request;
  const kernel = deps.kernel();
  const owner = ownerOf(network, attachment);
  const records = deps.records(config.dataDir);
  const options = { note: (text: string) => request.note(text) };
  const withdrawPorts = async (): Promise<void> => {
    const gone = await withdraw(kernel.nft, records, owner, options);
    if (gone === undefined || gone.publications.length === 0 || !tracksFlows(kernel)) return;
    const forget = () => forgetOrphanedFlows(kernel.conntrack, portsOf(gone.publications));
    await request.phase('flows', () => notingFlows(options.note, forget));
  };
  const failures = await runAll([
    () => request.phase('nft', withdrawPorts),
    () => request.phase('masquerade', () => dropOutbound(kernel.nft, owner, config, records)),
  ]);
  throwFailures(failures, ErrorCode.cleanupIncomplete, 'DEL could not remove everything');
}
