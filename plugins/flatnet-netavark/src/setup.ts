/** setup: all or nothing. Refuse, sweep, arm, act, answer. */
import { statSync } from 'node:fs';
import { CniError, ErrorCode, ownerOf, shown } from '@flatnet/cni';
import { decodeResult } from '@flatnet/cni/schema';
import { answerOf, bridgeOf, decodeAttachment, type DriverRecord, type WantedAttachment } from '@flatnet/driver';
import { hostEndOf } from '@flatnet/hostport';
import { netnsIdOf } from '@flatnet/kernel/state';
import { Rollback, sentenceOf, throwFailures } from '@flatnet/skel';
import { dropIdleBridge } from './bridge.ts';
import type { DriverAnswer, DriverCall } from './call.ts';
import { addChain, delChain } from './chain.ts';
import { contextOf } from './context.ts';
import { type Deps, lockedOrNot, lockedOrRefused } from './deps.ts';
import { sweep } from './sweep.ts';

/** @throws CniError; what was made is gone then, or the details say what is not. */
export async function setup(deps: Deps, call: DriverCall): Promise<DriverAnswer> {
  const wanted = decodeAttachment(call.json, call.netns);
  call.trace.network = wanted.chain.name;
  call.trace.attachment = wanted.attach;
  assertNetns(call.netns);
  const rollback = new Rollback();
  const undo = (): Promise<readonly string[]> => rollback.run(call.end);
  try {
    const result = await lockedOrRefused(deps, () => attach(deps, call, wanted, rollback));
    const read = decodeResult(result, 'result of the chain');
    return { json: answerOf(read, wanted.attach.ifName, wanted.network), undo };
  } catch (error) {
    const left = await undo();
    if (left.length === 0) throw error;
    throw new CniError(ErrorCode.cleanupIncomplete, sentenceOf(error), left.join('; '), { cause: error });
  }
}

async function attach(
  deps: Deps,
  call: DriverCall,
  wanted: WantedAttachment,
  rollback: Rollback,
): Promise<Readonly<Record<string, unknown>>> {
  const { chain, network } = wanted;
  const { trace } = call;
  const kernel = deps.kernel();
  const owner = ownerOf(chain.name, wanted.attach);
  const bridge = bridgeOf(network);
  const context = contextOf(deps, call);
  const swept = await trace.phase('sweep', () => sweep(deps, context, wanted));
  if (swept > 0) trace.note = `removed what ${swept} dead containers held`;
  if (kernel.rtnetlink.findLink(hostEndOf(owner)) !== undefined) throw attachedAlready(wanted);
  // Its addresses may be those of a network of the same name that was removed.
  dropIdleBridge(kernel, chain.name, bridge);
  const record: DriverRecord = {
    ...{ version: 1, owner, networkId: network.id, bridge, chain, attach: wanted.attach },
    ...{ netns: call.netns, netnsId: netnsIdOf(call.netns) ?? '' },
  };
  rollback.arm(`container ${owner.containerId} on network ${chain.name}`, () => detach(deps, call, record));
  const records = deps.records();
  records.write(record);
  const adding = { ...context, signal: call.signal };
  const result = await trace.phase('chain', () => addChain(adding, chain, wanted.attach));
  records.write({ ...record, result });
  return result;
}

/** netavark calls no teardown after a failed setup. */
const detach = (deps: Deps, call: DriverCall, record: DriverRecord): Promise<void> =>
  lockedOrNot(deps, async () => {
    const { chain } = record;
    const failures = await delChain(contextOf(deps, call), chain, record.attach, undefined);
    if (failures.length === 0) deps.records().remove(record.owner);
    dropIdleBridge(deps.kernel(), chain.name, record.bridge);
    throwFailures(failures, ErrorCode.cleanupIncomplete, 'not everything is gone');
  });

/** Found by the host's end, so that nothing of the living attachment is touched. */
const attachedAlready = ({ chain, attach: { containerId, ifName } }: WantedAttachment): CniError =>
  new CniError(
    ErrorCode.conflict,
    `container ${containerId} is attached to network ${chain.name} with ${ifName} already`,
    'podman network disconnect, or choose another interface_name',
  );

function assertNetns(path: string): void {
  const next = 'netavark gives the path of the container’s network namespace as second argument';
  const refused = (why: string): never => {
    throw new CniError(ErrorCode.invalidNetns, `${shown(path)} ${why}`, next);
  };
  const found = path.startsWith('/') ? statSync(path, { throwIfNoEntry: false }) : undefined;
  const own = statSync('/proc/self/ns/net');
  if (found === undefined) return refused('does not exist');
  if (found.dev !== own.dev) return refused('is not a network namespace');
  if (found.ino === own.ino) refused('is the network namespace of the host itself');
}
