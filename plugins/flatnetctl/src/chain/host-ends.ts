import { isIdentifier, type Attachment } from '@flatnet/cni';
import type { World } from '../world.ts';

/** A link on the host that leads to a container. */
export interface HostEnd {
  readonly name: string;
  /** The bridge whose port it is; absent where it is the port of none. */
  readonly bridge?: string;
  /** Absent where its alias had no room for the names in clear text. */
  readonly owner?: { readonly network: string; readonly attachment: Attachment };
}

/** The host ends that flatnet made, by the owner in their alias (README of the flatnet plugin). @throws RtnetlinkError */
export function hostEndsOfFlatnet({ kernel }: Pick<World, 'kernel'>): readonly HostEnd[] {
  const links = kernel.rtnetlink.listLinks({ kind: 'veth' });
  return links.flatMap(({ name, alias = '', master }): HostEnd[] => {
    const [maker, network = '', containerId = '', ifName = ''] = alias.split(':');
    if (maker !== 'flatnet' || network === '') return [];
    const isPlain = isIdentifier(network) && isIdentifier(containerId);
    const port = { name, ...(master === undefined ? {} : { bridge: master }) };
    return [{ ...port, ...(isPlain ? { owner: { network, attachment: { containerId, ifName } } } : {}) }];
  });
}
