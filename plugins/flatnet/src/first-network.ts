/** What answers from the addresses of a container's first network go by, copied from its namespace: any plugin may have made that network. */
import { parseCidr, parseIp } from '@flatnet/addressing';
import type { Route, Rtnetlink } from '@flatnet/kernel';
import type { Back } from './source-table.ts';

const isLinkLocal = (text: string): boolean => /^(fe[89ab]|169\.254\.)/.test(text);

/**
 * @param before default routes of one family. The first network's is the one that is in use.
 * @returns undefined where no interface has such a route, or it has no address.
 * @throws RtnetlinkError.
 */
export function firstNetwork(
  rtnetlink: Rtnetlink,
  netns: string,
  family: 4 | 6,
  before: readonly Route[],
  table: number,
): Back | undefined {
  const [first] = [...before].sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
  const dev = first?.device;
  if (dev === undefined) return undefined;
  const addresses = rtnetlink
    .listAddresses(dev, netns)
    .filter(({ address }) => address.includes(':') === (family === 6) && !isLinkLocal(address));
  if (addresses.length === 0) return undefined;
  const routes = rtnetlink
    .listRoutes({ family }, netns)
    .filter(({ device, type, destination }) => device === dev && type === 'unicast' && !isLinkLocal(destination));
  const direct = routes.filter(({ gateway }) => gateway === undefined);
  const subnets = direct.map(({ destination }) => parseCidr(destination));
  const isOnLink = (gateway: string): boolean =>
    isLinkLocal(gateway) || subnets.some((subnet) => subnet.contains(parseIp(gateway)));
  return {
    table,
    addresses: addresses.map(({ address }) => address),
    // What is on the link first: the kernel looks there for a gateway.
    ways: [...direct, ...routes.filter(({ gateway }) => gateway !== undefined)].map(
      ({ destination, gateway, metric }) => ({
        route: {
          ...{ family, dst: destination, dev, table },
          ...(gateway === undefined ? {} : { gateway }),
          ...(metric === undefined ? {} : { priority: metric }),
        },
        onlink: gateway !== undefined && !isOnLink(gateway),
      }),
    ),
  };
}
