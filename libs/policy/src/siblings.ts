/**
 * Packets between containers of one bridge do not pass the host's filters by themselves. Where br_netfilter is loaded, a switch of the
 * bridge sends them through; else, and on a VLAN of a bridge, the ports are kept apart, and the host answers for each container to the others, so that it routes.
 */
import {
  addProxy,
  deleteProxy,
  ensureSysctls,
  hasIpv6,
  type Kernel,
  RtnetlinkError,
  setBridge,
  setPort,
  type Sysctls,
} from '@flatnet/kernel';
import type { AttachmentRecord } from './folder.ts';
import { familyOf, type Network, type SiblingsState, type SiblingsWay } from './model.ts';

/** It is not loaded for this: that would turn it on for every bridge of the host. */
const BR_NETFILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

export const siblingsWay = (
  { proc, rtnetlink }: Pick<Kernel, 'proc' | 'rtnetlink'>,
  { judgesSiblings, bridge }: Network,
): SiblingsWay => {
  if (!judgesSiblings) return 'none';
  if (!proc.exists(BR_NETFILTER)) return 'routed';
  // Bridged packets of a VLAN come by the bridge's name, and the device of the VLAN has no switch.
  return rtnetlink.findLink(bridge)?.kind === 'vlan' ? 'routed' : 'br_netfilter';
};

const LINK_LOCAL = /^fe[89ab]/;
const proxied = (addresses: readonly string[]): readonly string[] =>
  addresses.filter((address) => familyOf(address) === 6 && !LINK_LOCAL.test(address));

const settingsOf = (kernel: Kernel, bridge: string): Sysctls => ({
  [`ipv4/conf/${bridge}/proxy_arp_pvlan`]: '1',
  // The host would wait for up to 0.8 s before it answers for another.
  [`ipv4/neigh/${bridge}/proxy_delay`]: '0',
  ...(hasIpv6(kernel) ? { [`ipv6/conf/${bridge}/proxy_ndp`]: '1', [`ipv6/neigh/${bridge}/proxy_delay`]: '0' } : {}),
});

const ON = { nfCallIptables: true, nfCallIp6tables: true };

export const NO_WAY: SiblingsState = { way: 'none' };

/** What is to be recorded before the bridge is changed. @param before what was recorded of it. */
export function siblingsState(kernel: Kernel, bridge: string, way: SiblingsWay, before: SiblingsState): SiblingsState {
  if (way === 'br_netfilter') {
    const { nfCallIptables = false, nfCallIp6tables = false } = kernel.rtnetlink.findLink(bridge)?.bridge ?? {};
    return { way, flags: before.flags ?? { nfCallIptables, nfCallIp6tables } };
  }
  if (way === 'none') return NO_WAY;
  return { way, sysctls: before.sysctls ?? presentOf(kernel, Object.keys(settingsOf(kernel, bridge))) };
}

/** Makes the bridge so, and what only `before` had changed as it was. @throws RtnetlinkError. */
export function settleBridge(kernel: Kernel, bridge: string, { way }: SiblingsState, before: SiblingsState): void {
  if (way !== 'br_netfilter' && before.flags !== undefined) switchBridge(kernel, bridge, before.flags);
  if (way !== 'routed' && before.sysctls !== undefined) ensureSysctls(kernel, before.sysctls);
  if (way === 'br_netfilter') {
    const flags = kernel.rtnetlink.findLink(bridge)?.bridge;
    if (flags?.nfCallIptables !== true || flags.nfCallIp6tables !== true) switchBridge(kernel, bridge, ON);
  }
  if (way === 'routed') ensureSysctls(kernel, settingsOf(kernel, bridge));
}

const presentOf = ({ proc }: Kernel, keys: readonly string[]): Sysctls =>
  Object.fromEntries(
    keys.flatMap((key) => {
      const present = proc.read(`/proc/sys/net/${key}`);
      return present === undefined ? [] : [[key, present]];
    }),
  );

const switchBridge = ({ rtnetlink }: Kernel, bridge: string, flags: typeof ON): void =>
  rtnetlink.change(`send bridged packets of ${bridge} through the rules`, [setBridge(bridge, flags)]);

/** Puts the bridge back, where it is still there. */
export function releaseBridge(kernel: Kernel, bridge: string, before: SiblingsState): void {
  ifThere(() => settleBridge(kernel, bridge, NO_WAY, before));
}

type Sibling = Pick<AttachmentRecord, 'attachment' | 'port'>;

/** Keeps the port of a container apart, and answers for it; or no longer. @throws RtnetlinkError. */
export function settlePort(
  { rtnetlink }: Kernel,
  { attachment, port }: Sibling,
  way: SiblingsWay,
  before: SiblingsWay,
): void {
  const { bridge, addresses, owner } = attachment;
  const doing = `route packets between siblings of ${owner.containerId}`;
  if (way === 'routed') {
    const own = port === undefined ? [] : [setPort(port, { isolated: true })];
    rtnetlink.change(doing, [...own, ...proxied(addresses).map((address) => addProxy(bridge, address))]);
  } else if (before === 'routed') {
    if (port !== undefined) ifThere(() => rtnetlink.change(doing, [setPort(port, { isolated: false })]));
    releaseProxies(rtnetlink, attachment);
  }
}

/** The host answers for the container no longer. Its port went with it. */
export function releasePort({ rtnetlink }: Kernel, { attachment }: Sibling, way: SiblingsWay): void {
  if (way === 'routed') releaseProxies(rtnetlink, attachment);
}

function releaseProxies(rtnetlink: Kernel['rtnetlink'], { bridge, addresses }: AttachmentRecord['attachment']): void {
  for (const address of proxied(addresses)) {
    ifThere(() => rtnetlink.change(`answer for ${address} no longer`, [deleteProxy(bridge, address)]));
  }
}

function ifThere(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RtnetlinkError) || error.kind !== 'not-found') throw error;
  }
}

/** What of the way is missing, in words. @throws RtnetlinkError. */
export function siblingDifferences(kernel: Kernel, { attachment, port }: Sibling, way: SiblingsWay): readonly string[] {
  const { bridge } = attachment;
  const { proc, rtnetlink } = kernel;
  if (way === 'br_netfilter') {
    const flags = rtnetlink.findLink(bridge)?.bridge;
    const isOn = flags?.nfCallIptables === true && flags.nfCallIp6tables === true;
    const command = `ip link set dev ${bridge} type bridge nf_call_iptables 1 nf_call_ip6tables 1`;
    return isOn ? [] : [`packets between containers of bridge ${bridge} are not judged (${command})`];
  }
  if (way !== 'routed') return [];
  const unset = Object.entries(settingsOf(kernel, bridge)).filter(
    ([key, value]) => (proc.read(`/proc/sys/net/${key}`) ?? value) !== value,
  );
  const isApart = port === undefined || rtnetlink.findLink(port)?.port?.isolated !== false;
  return [
    ...unset.map(([key, value]) => `setting net/${key} is not ${value}`),
    ...(isApart ? [] : [`port ${port} is not isolated (ip link set dev ${port} type bridge_slave isolated on)`]),
  ];
}
