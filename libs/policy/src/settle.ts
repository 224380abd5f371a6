/** How packets between siblings go: of a network with all its attachments. */
import { RtnetlinkError } from '@flatnet/kernel';
import type { AttachmentRecord, NetworkRecord } from './folder.ts';
import type { SiblingsState } from './model.ts';
import { settleBridge, settlePort } from './siblings.ts';
import { scopeOf } from './wanted.ts';
import type { World } from './world.ts';

/**
 * The bridge, and the port of `own`; those of all siblings where the way has changed.
 *
 * @throws RtnetlinkError of the bridge and of `own`; the port of a sibling may be gone.
 */
export function settle(
  { kernel, folder }: World,
  { network, siblings }: NetworkRecord,
  before: SiblingsState,
  own: AttachmentRecord,
): void {
  settleBridge(kernel, network.bridge, siblings, before);
  settlePort(kernel, own, siblings.way, before.way);
  if (siblings.way === before.way) return;
  for (const other of folder.attachments.all(network.hash)) {
    if (other.owner.hash !== own.owner.hash) ignoringGone(() => settlePort(kernel, other, siblings.way, before.way));
  }
}

/** Everything that the records say, after it was lost. */
export function settleAll({ kernel, folder }: World, networkHash?: string): void {
  const { networks, attachments } = scopeOf(folder, networkHash);
  for (const { network, siblings } of networks) {
    ignoringGone(() => settleBridge(kernel, network.bridge, siblings, siblings));
    for (const each of attachments.filter(({ owner }) => owner.networkHash === network.hash))
      ignoringGone(() => settlePort(kernel, each, siblings.way, siblings.way));
  }
}

function ignoringGone(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RtnetlinkError) || error.kind !== 'not-found') throw error;
  }
}
