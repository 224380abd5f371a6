import { deleteLink, RtnetlinkError, type Kernel } from '@flatnet/kernel';
import { environment } from '../failure.ts';

/** The names of a bridge's ports; undefined when there is no such bridge. @throws RtnetlinkError */
export function bridgePorts({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, bridge: string): readonly string[] | undefined {
  if (rtnetlink.findLink(bridge)?.kind !== 'bridge') return undefined;
  return rtnetlink.listLinks({ master: bridge }).map(({ name }) => name);
}

/** @throws OperatorError */
export function deleteBridge({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, bridge: string): void {
  try {
    rtnetlink.change(`remove bridge ${bridge}`, [deleteLink(bridge)]);
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    if (error.kind === 'not-found') return;
    throw environment(`cannot remove bridge ${bridge}: ${error.reason}`, `ip link delete ${bridge}`);
  }
}
