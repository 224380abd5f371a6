/** What the container's interface gets, as settings and changes: pure. */
import { parseCidr, parseIp } from '@flatnet/addressing';
import { CniError, ErrorCode } from '@flatnet/cni';
import { addAddress, appendRoute, setLink, type Change, type RouteSpec, type Sysctls } from '@flatnet/kernel';
import type { FlatnetConfig } from './config.ts';
import type { Plan } from './plan.ts';
import type { Topology } from './topology.ts';

/** Settings of the container's end that need no answer of the delegated plugin, so that they are made while it works. */
export function containerSysctls(config: FlatnetConfig, ifName: string, ipv6: boolean): Sysctls {
  const v4 = (key: string): string => `ipv4/conf/${ifName}/${key}`;
  const v6 = (key: string): string => `ipv6/conf/${ifName}/${key}`;
  // arp_notify, ndisc_notify: the kernel announces the addresses when the MAC is set.
  const base = { [v4('arp_notify')]: '1', [v4('rp_filter')]: '2' };
  // On layer 2 only, the container gives itself addresses, by router advertisements too.
  if (config.ipamType === undefined) return base;
  if (!ipv6) return { ...base, [v6('disable_ipv6')]: '1' };
  const dad = config.enableDad ? { [v6('enhanced_dad')]: '1', [v6('accept_dad')]: '1' } : { [v6('accept_dad')]: '0' };
  return {
    ...base,
    ...{ [v6('disable_ipv6')]: '0', [v6('accept_ra')]: '0', [v6('autoconf')]: '0' },
    ...{ [v6('keep_addr_on_down')]: '1', [v6('ndisc_notify')]: '1', ...dad },
  };
}

/** Of the settings above, those without which the interface cannot have its addresses. */
export const neededSysctls = (ifName: string, ipv6: boolean): readonly string[] =>
  ipv6 ? [`ipv6/conf/${ifName}/disable_ipv6`] : [];

/**
 * The MAC before `up`, since a link-local address is made of it then; routes after it, since they need a device that is up. The last
 * change sets the MAC that the interface has, upon which the kernel announces the addresses.
 */
export function containerChanges(
  { config, ifName, containerMac }: Pick<Plan, 'config' | 'ifName' | 'containerMac'>,
  topology: Topology,
): readonly Change[] {
  const setMac = setLink(ifName, { mac: containerMac });
  return [
    setMac,
    ...topology.addresses.map(({ cidr }) => addAddress(ifName, String(cidr), config.enableDad)),
    setLink(ifName, { up: true }),
    ...topology.routes.map((route) => appendRoute(route, needsOnlink(route, topology))),
    setMac,
  ];
}

const isLinkLocal = (gateway: string): boolean => /^fe[89ab]/.test(gateway);

/** A gateway outside of every subnet of the interface (a /32 address) is reachable only by saying that it is on the link. */
export function needsOnlink({ gateway }: RouteSpec, { addresses }: Topology): boolean {
  if (gateway === undefined || isLinkLocal(gateway)) return false;
  const ip = parseIp(gateway);
  return !addresses.some(({ cidr }) => cidr.contains(ip));
}

/**
 * Refuses a route whose gateway no host on the link can be. It may lie outside of the subnets where the interface's address is a host
 * address (/32, /128), where it is the gateway of an address, or where another route says that it is on the link.
 *
 * @throws CniError code 7 that names the route.
 */
export function refuseUnreachable(topology: Topology): void {
  const { addresses, routes } = topology;
  const direct = routes.filter(({ gateway }) => gateway === undefined).map(({ dst }) => parseCidr(dst));
  for (const route of routes) {
    if (route.gateway === undefined || !needsOnlink(route, topology)) continue;
    const ip = parseIp(route.gateway);
    const own = addresses.filter(({ cidr }) => cidr.ip.family === ip.family);
    const isHost = own.some(({ cidr }) => cidr.prefix === (ip.family === 4 ? 32 : 128));
    const isGateway = own.some(({ gateway }) => gateway?.equals(ip) === true);
    if (ip.family === route.family && (isHost || isGateway || direct.some((cidr) => cidr.contains(ip)))) continue;
    const subnets = own.map(({ cidr }) => `${cidr.network}/${cidr.prefix}`).join(', ') || `no IPv${ip.family} address`;
    throw new CniError(
      ErrorCode.invalidConfig,
      `route to ${route.dst} has an unreachable gateway`,
      `gateway ${ip} is on no subnet of ${route.dev} (${subnets}): give a gateway inside of it, or remove the route`,
    );
  }
}
