/** The device of the host that the packets of a container come by to be routed: its bridge, or a VLAN of it. */
import { parseCidr, parseIp } from '@flatnet/addressing';
import type { Kernel } from './kernel.ts';
import type { Link } from './rtnetlink/rtnetlink.ts';

/** The part of a CNI result that tells of it. */
export interface AttachedLinks {
  readonly interfaces: readonly { readonly name: string; readonly sandbox?: string }[];
  readonly ips: readonly { readonly address: string; readonly gateway?: string }[];
}

export interface GatewayDevice {
  readonly name: string;
  /** Its addresses that containers can reach: gateways, and those in their subnets. */
  readonly addresses: readonly string[];
  /** The container's port of the bridge, where the result names one. */
  readonly port?: string;
}

/**
 * A bridge that the result names, or that one of its links is a port of. Where no bridge has an address that the container could reach, a VLAN
 * of it that has some; where none has, the bridge.
 *
 * @returns undefined where there is no bridge. @throws RtnetlinkError.
 */
export function gatewayDeviceOf(
  { rtnetlink }: Pick<Kernel, 'rtnetlink'>,
  { interfaces, ips }: AttachedLinks,
): GatewayDevice | undefined {
  const links = interfaces.flatMap(({ name, sandbox = '' }) =>
    sandbox === '' ? (rtnetlink.findLink(name) ?? []) : [],
  );
  const named = links.flatMap((link) => (link.kind === 'bridge' ? [link.name] : (link.master ?? [])));
  const bridges = [...new Set(named)]
    .flatMap((name) => links.find((link) => link.name === name) ?? rtnetlink.findLink(name) ?? [])
    .filter(({ kind }) => kind === 'bridge');
  if (bridges.length === 0) return undefined;
  const subnets = ips.map(({ address }) => parseCidr(address));
  const gateways = new Set(ips.flatMap(({ gateway }) => gateway ?? []));
  const withAddresses = (devices: readonly Link[]): Omit<GatewayDevice, 'port'> | undefined => {
    for (const { name } of devices) {
      const all = rtnetlink.listAddresses(name).map(({ address }) => address);
      const addresses = all.filter((each) => gateways.has(each) || subnets.some((net) => net.contains(parseIp(each))));
      if (addresses.length > 0) return { name, addresses };
    }
    return undefined;
  };
  const vlans = (): readonly Link[] =>
    rtnetlink
      .listLinks({ kind: 'vlan' })
      .filter(({ parentIndex }) => bridges.some(({ index }) => index === parentIndex));
  const device = withAddresses(bridges) ?? withAddresses(vlans()) ?? { name: bridges[0]!.name, addresses: [] };
  const port = links.find(({ master }) => bridges.some(({ name }) => name === master))?.name;
  return { ...device, ...(port === undefined ? {} : { port }) };
}
