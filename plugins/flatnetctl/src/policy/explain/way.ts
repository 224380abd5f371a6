/** By which devices a connection goes, and what it meets before the filters do: the route, the bridge, a published port. */
import { parseCidr, parseIp } from '@flatnet/addressing';
import { overview, portsOf, type Port, describePort, Records } from '@flatnet/hostport';
import { forwardingKey, isForwarding, type Kernel, settingName } from '@flatnet/kernel';
import type { Transport } from './port.ts';
import type { End } from './end.ts';
import type { Hop } from './hop.ts';

export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** Address of an end in a family; of the host the one that `other` would ask. Undefined where it has none. */
export function addressOf(kernel: Pick<Kernel, 'rtnetlink'>, end: End, other: End, family: 4 | 6): string | undefined {
  if (end.kind !== 'host') return end.addresses.find((address) => familyOf(address) === family);
  if (end.address !== undefined) return familyOf(end.address) === family ? end.address : undefined;
  const device = deviceOf(kernel, other, family);
  const addresses = device === undefined ? [] : kernel.rtnetlink.listAddresses(device);
  return addresses.find((each) => each.family === family && !/^fe[89ab]/.test(each.address))?.address;
}

/** By which the host reaches an end; undefined where it has no route, or is the end. */
export function deviceOf({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, end: End, family: 4 | 6): string | undefined {
  if (end.kind === 'host') return undefined;
  if (end.kind === 'container' && end.bridge !== undefined) return end.bridge;
  const address = end.addresses.find((each) => familyOf(each) === family);
  return address === undefined ? undefined : rtnetlink.findDeviceTo(address);
}

/** The published port that listens at an address of the host, where the kernel has it. @throws ToolError. */
export async function publishedAt(
  { nft }: Pick<Kernel, 'nft'>,
  address: string,
  protocol: Transport,
  hostPort: number,
): Promise<Port | undefined> {
  const { standing } = await overview(nft, [new Records()]);
  const listening = standing.flatMap(({ record, missing }) =>
    portsOf(record.publications).filter((port) => !missing.includes(describePort(port))),
  );
  return listening
    .filter((port) => port.family === familyOf(address) && port.protocol === protocol && port.hostPort === hostPort)
    .sort((one) => (one.hostIp === undefined ? 1 : -1))
    .find(({ hostIp }) => hostIp === undefined || hostIp === address);
}

export function publishedHop(port: Port, source: string | undefined): Hop {
  const allowed = port.allowFrom;
  const isAllowed =
    source === undefined || allowed === undefined || allowed.some((cidr) => parseCidr(cidr).contains(parseIp(source)));
  return {
    where: 'inet flatnet_hostport',
    by: `${describePort(port)} leads to ${port.address} port ${port.port}`,
    because: allowed === undefined ? 'published port' : `published port, allowFrom ${allowed.join(', ')}`,
    verdict: isAllowed ? 'passes' : 'dropped',
  };
}

/** Where the host passes no packets on. */
export function forwardingHop(kernel: Pick<Kernel, 'proc'>, family: 4 | 6): readonly Hop[] {
  if (isForwarding(kernel, family) !== false) return [];
  const by = `${settingName(forwardingKey(kernel, family))} is 0`;
  return [{ where: 'host', by, because: 'the host forwards nothing', verdict: 'dropped' }];
}

/** What the bridge does by itself with a packet from one of its ports to another; whether the filters see it then. */
export function bridgeHop(
  { rtnetlink, proc }: Pick<Kernel, 'rtnetlink' | 'proc'>,
  bridge: string,
  { from, to, family }: { readonly from: End; readonly to: End; readonly family: 4 | 6 },
): { readonly hop: Hop; readonly isJudged: boolean } {
  const isApart = (end: End): boolean => {
    const port = end.kind === 'container' ? end.record?.port : undefined;
    return port !== undefined && rtnetlink.findLink(port)?.port?.isolated === true;
  };
  const link = rtnetlink.findLink(bridge);
  const hop = (by: string, because: string, verdict: Hop['verdict'] = 'passes'): Hop => ({
    ...{ where: `bridge ${bridge}`, by, because, verdict },
  });
  if (isApart(from) && isApart(to)) {
    const answers = proc.read(`/proc/sys/net/ipv4/conf/${bridge}/proxy_arp_pvlan`)?.trim() === '1';
    return answers
      ? { hop: hop('both ports are isolated', 'the host routes between siblings'), isJudged: true }
      : { hop: hop('both ports are isolated', 'portIsolation', 'dropped'), isJudged: false };
  }
  const everywhere = proc.read(`/proc/sys/net/bridge/bridge-nf-call-${family === 4 ? 'iptables' : 'ip6tables'}`);
  const here = family === 4 ? link?.bridge?.nfCallIptables : link?.bridge?.nfCallIp6tables;
  const isJudged = here === true || everywhere?.trim() === '1';
  return isJudged
    ? { hop: hop('bridged packets are sent through the filters', 'br_netfilter'), isJudged }
    : { hop: hop('from port to port', 'no filter sees it'), isJudged };
}
