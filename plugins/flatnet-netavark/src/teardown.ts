/**
 * teardown: to the end, by (network, container, interface) alone. The namespace that the path names may be another container's by now, so
 * that it is never looked at; and what is not there is gone.
 */
import { ErrorCode, ownerOf } from '@flatnet/cni';
import { decodeEnd } from '@flatnet/driver';
import { throwFailures } from '@flatnet/skel';
import { dropIdleBridge } from './bridge.ts';
import type { DriverAnswer, DriverCall } from './call.ts';
import { delChain } from './chain.ts';
import { contextOf } from './context.ts';
import { type Deps, lockedOrNot } from './deps.ts';

/** @throws CniError with everything that could not be removed; netavark repeats no teardown, so the next setup's sweep tries again. */
export async function teardown(deps: Deps, call: DriverCall): Promise<DriverAnswer> {
  const { chain, attach, bridge } = decodeEnd(call.json);
  const owner = ownerOf(chain.name, attach);
  call.trace.network = chain.name;
  call.trace.attachment = attach;
  const doing = `container ${attach.containerId} left network ${chain.name}, but not everything of it is gone`;
  await lockedOrNot(deps, async () => {
    const records = deps.records();
    const record = records.read(owner);
    const failures = [...(await delChain(contextOf(deps, call), record?.chain ?? chain, attach, record?.result))];
    if (failures.length === 0) records.remove(owner);
    try {
      dropIdleBridge(deps.kernel(), chain.name, record?.bridge ?? bridge);
    } catch (error) {
      failures.push(error);
    }
    throwFailures(failures, ErrorCode.cleanupIncomplete, doing);
  });
  return {};
}
