import type { Ip } from '@flatnet/addressing';
import type { IpamResult } from '@flatnet/cni';
import type { Lease } from '@flatnet/store';
import { homeOf } from './allocator.ts';
import type { Allocation } from './config.ts';
import { readResolvConf } from './resolv-conf.ts';

/**
 * The result of a lease: its addresses in the order of the range sets, with prefix length and gateway of their subnets. Undefined when
 * the lease does not give one address to each set, because the configuration changed under it.
 */
export const resultOf = (lease: Lease, allocation: Allocation): IpamResult | undefined => {
  const left: Ip[] = [...lease.ips];
  const ips = allocation.sets.map((set) => {
    const at = left.findIndex((ip) => homeOf(set, ip) !== undefined);
    const [ip] = at < 0 ? [] : left.splice(at, 1);
    const range = ip === undefined ? undefined : homeOf(set, ip);
    return ip === undefined || range === undefined
      ? undefined
      : { address: `${ip}/${range.subnet.prefix}`, gateway: range.gateway.toString() };
  });
  if (left.length > 0 || !ips.every((entry) => entry !== undefined)) return undefined;
  const dns = allocation.resolvConf === undefined ? {} : readResolvConf(allocation.resolvConf);
  return { ips, routes: allocation.routes, dns };
};
