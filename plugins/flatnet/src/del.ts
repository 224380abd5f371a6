/**
 * DEL: rules, link, then the address, so that no address is handed out while its old link lives. Everything is found by names that
 * follow from the attachment; the netns is never looked at, so it may be gone, empty, or another container's by now.
 */
import { CniError, ErrorCode } from '@flatnet/cni';
import type { DelRequest } from '@flatnet/skel';
import type { FlatnetConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { failuresOf } from './failures.ts';
import { attachmentNames } from './naming.ts';
import { disconnect } from './veth.ts';

/** @throws CniError code 103 when something of ours is still there. */
export async function del(deps: Deps, request: DelRequest<FlatnetConfig>): Promise<void> {
  const kernel = deps.kernel();
  const names = attachmentNames(request.network, request.attachment);
  const { ipamType } = request.config;
  const failures = await failuresOf([
    // A link that stays keeps its address: the delegate is asked only when the link is gone.
    async () => {
      await request.phase('veth', () => disconnect(kernel, names));
      if (ipamType !== undefined) await request.phase('delegate', () => deps.delegateVerb('DEL', ipamType, request));
    },
  ]);
  const [only, ...others] = failures;
  if (only === undefined) return;
  if (others.length === 0) throw only;
  throw new CniError(
    ErrorCode.cleanupIncomplete,
    'DEL went to the end, but not everything is gone',
    failures.map(String).join('; '),
  );
}
