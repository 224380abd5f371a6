import type { AddResult } from '@flatnet/cni';
import { forwardingSettings, isForwarding, linkExists, settingName, type Kernel, type Link } from '@flatnet/kernel';
import type { Plan } from './plan.ts';
import { addressesOf, isAmong } from './gateway.ts';
import type { Topology } from './topology.ts';
import { gatewayDevice } from './vlan.ts';

/** linux/if.h */
const IFF_PROMISC = 0x100;
const RESTART = 'restart the container';

/** The bridge, its port, forwarding. */
export function hostDifferences(
  kernel: Kernel,
  plan: Plan,
  topology: Topology | undefined,
  prevResult: AddResult | undefined,
): readonly string[] {
  const { bridge, promiscMode, vlans } = plan.config;
  const port = kernel.rtnetlink.findLink(plan.hostVeth);
  const master = kernel.rtnetlink.findLink(bridge);
  const mtu = prevResult?.interfaces.find(({ name }) => name === plan.hostVeth)?.mtu;
  return [
    ...(port === undefined
      ? [`host end ${plan.hostVeth} is missing (${RESTART})`]
      : portDifferences(kernel, plan, port, mtu)),
    ...(master === undefined
      ? [`bridge ${bridge} is missing (${RESTART})`]
      : bridgeDifferences(bridge, master, promiscMode)),
    ...(topology === undefined || master === undefined
      ? []
      : gatewayDifferences(kernel, gatewayDevice(bridge, vlans), topology)),
  ];
}

function portDifferences(kernel: Kernel, plan: Plan, port: Link, mtu: number | undefined): readonly string[] {
  const { hostVeth, config } = plan;
  // A member of the chain keeps ports apart so that the host routes between siblings, and judges.
  const isRouted = kernel.proc.read(`/proc/sys/net/ipv4/conf/${config.bridge}/proxy_arp_pvlan`) === '1';
  const repair = (words: string): string => `(ip link set dev ${hostVeth} ${words})`;
  const flag = (name: string, present: boolean | undefined, wanted: boolean): string[] => {
    if (present === undefined || present === wanted) return [];
    const word = wanted ? 'on' : 'off';
    return [`${name} of ${hostVeth} is not ${word} ${repair(`type bridge_slave ${name} ${word}`)}`];
  };
  return [
    ...(port.alias === plan.alias
      ? []
      : [`alias of ${hostVeth} is not ${plan.alias} ${repair(`alias ${plan.alias}`)}`]),
    ...(port.master === config.bridge
      ? []
      : [`${hostVeth} is not a port of ${config.bridge} ${repair(`master ${config.bridge}`)}`]),
    ...(port.up ? [] : [`${hostVeth} is down ${repair('up')}`]),
    ...(mtu === undefined || port.mtu === mtu
      ? []
      : [`MTU of ${hostVeth} is ${port.mtu}, not ${mtu} ${repair(`mtu ${mtu}`)}`]),
    ...flag('hairpin', port.port?.hairpin, config.hairpinMode),
    ...(isRouted && port.port?.isolated === true ? [] : flag('isolated', port.port?.isolated, config.portIsolation)),
  ];
}

function bridgeDifferences(name: string, bridge: Link, promiscuous: boolean): readonly string[] {
  if (bridge.kind !== 'bridge')
    return [`${name} is not a bridge but ${bridge.kind ?? 'a plain device'} (choose another "bridge")`];
  return [
    ...(bridge.up ? [] : [`bridge ${name} is down (ip link set dev ${name} up)`]),
    ...(promiscuous && (bridge.flags & IFF_PROMISC) === 0
      ? [`bridge ${name} is not promiscuous (ip link set dev ${name} promisc on)`]
      : []),
  ];
}

function gatewayDifferences(kernel: Kernel, device: string, { gateways }: Topology): readonly string[] {
  if (gateways.length === 0) return [];
  const present = linkExists(kernel, device) ? addressesOf(kernel, device) : [];
  const missing = gateways.filter((gateway) => !isAmong(present, gateway));
  const families = [...new Set(gateways.map(({ ip }) => ip.family))];
  const switchedOn = (family: 4 | 6): string =>
    [...forwardingSettings(kernel, family)].map(([key, value]) => `${settingName(key)}=${value}`).join(' ');
  const notForwarding = families.filter((family) => isForwarding(kernel, family, [device]) === false);
  return [
    ...missing.map((gateway) => `bridge ${device} lacks ${gateway} (ip address add ${gateway} dev ${device})`),
    ...notForwarding.map((family) => `IPv${family} forwarding is off (sysctl -w ${switchedOn(family)})`),
  ];
}
