import type { AddResult } from '@flatnet/cni';
import { findLink, type Kernel, type Link } from '@flatnet/kernel';
import type { Plan } from './plan.ts';
import { hasAddress } from './present-address.ts';
import type { Topology } from './topology.ts';
import { gatewayDevice } from './vlan.ts';

const RESTART = 'restart the container';

/** The bridge, its port, forwarding. */
export async function hostDifferences(
  kernel: Kernel,
  plan: Plan,
  topology: Topology | undefined,
  prevResult: AddResult | undefined,
): Promise<readonly string[]> {
  const { bridge, promiscMode, vlans } = plan.config;
  const [port, master] = await Promise.all([findLink(kernel, plan.hostVeth), findLink(kernel, bridge)]);
  const mtu = prevResult?.interfaces.find(({ name }) => name === plan.hostVeth)?.mtu;
  return [
    ...(port === undefined ? [`host end ${plan.hostVeth} is missing (${RESTART})`] : portDifferences(plan, port, mtu)),
    ...(master === undefined
      ? [`bridge ${bridge} is missing (${RESTART})`]
      : bridgeDifferences(bridge, master, promiscMode)),
    ...(topology === undefined ? [] : gatewayDifferences(kernel, gatewayDevice(bridge, vlans), topology)),
  ];
}

function portDifferences(plan: Plan, port: Link, mtu: number | undefined): readonly string[] {
  const { hostVeth, config } = plan;
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
    ...flag('hairpin', port.hairpin, config.hairpinMode),
    ...flag('isolated', port.isolated, config.portIsolation),
  ];
}

function bridgeDifferences(name: string, bridge: Link, promiscuous: boolean): readonly string[] {
  if (bridge.kind !== 'bridge')
    return [`${name} is not a bridge but ${bridge.kind ?? 'a plain device'} (choose another "bridge")`];
  return [
    ...(bridge.up ? [] : [`bridge ${name} is down (ip link set dev ${name} up)`]),
    ...(promiscuous && !bridge.promiscuous
      ? [`bridge ${name} is not promiscuous (ip link set dev ${name} promisc on)`]
      : []),
  ];
}

function gatewayDifferences(kernel: Kernel, bridge: string, topology: Topology): readonly string[] {
  const missing = topology.gateways.filter((gateway) => !hasAddress(kernel, bridge, gateway));
  const families = new Set(topology.gateways.map(({ ip }) => ip.family));
  const off = (key: string): boolean => kernel.proc.read(`/proc/sys/net/${key}`) === '0';
  return [
    ...missing.map((gateway) => `bridge ${bridge} lacks ${gateway} (ip address add ${gateway} dev ${bridge})`),
    ...(families.has(4) && off('ipv4/ip_forward') ? ['IPv4 forwarding is off (sysctl -w net.ipv4.ip_forward=1)'] : []),
    ...(families.has(6) && off('ipv6/conf/all/forwarding')
      ? ['IPv6 forwarding is off (sysctl -w net.ipv6.conf.all.forwarding=1)']
      : []),
  ];
}
