/** By which devices packets of a container reach the host. */
import { parseCidr } from '@flatnet/addressing';
import type { AddResult } from '@flatnet/cni';
import type { Kernel, Link } from '@flatnet/kernel';

export interface Device {
  /** The one that packets come by to be routed: the bridge, or a VLAN of it. */
  readonly bridge: string;
  /** The container's port of the bridge. */
  readonly port?: string;
}

/** Undefined where no bridge is among the result's interfaces, or has one of them as port. @throws RtnetlinkError. */
export function deviceOf({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, result: AddResult): Device | undefined {
  const links = result.interfaces.flatMap(({ name, sandbox }) =>
    sandbox === undefined || sandbox === '' ? (rtnetlink.findLink(name) ?? []) : [],
  );
  const master = links.flatMap((link) => link.master ?? [])[0];
  const bridge =
    links.find(({ kind }) => kind === 'bridge') ?? (master === undefined ? undefined : rtnetlink.findLink(master));
  if (bridge?.kind !== 'bridge') return undefined;
  const port = links.find((link) => link.master === bridge.name)?.name;
  const vlans = rtnetlink.listLinks({ kind: 'vlan' }).filter(({ parentIndex }) => parentIndex === bridge.index);
  const isGateway = ({ name }: Link): boolean => {
    const subnets = result.ips.map(({ address }) => parseCidr(address));
    return rtnetlink.listAddresses(name).some(({ address }) => subnets.some((subnet) => contains(subnet, address)));
  };
  const vlan = vlans.length === 0 || isGateway(bridge) ? undefined : vlans.find(isGateway);
  return { bridge: (vlan ?? bridge).name, ...(port === undefined ? {} : { port }) };
}

const contains = (subnet: ReturnType<typeof parseCidr>, address: string): boolean =>
  subnet.contains(parseCidr(`${address}/${address.includes(':') ? 128 : 32}`).ip);
