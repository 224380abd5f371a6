/** The result of the chain -> the answer to setup. Pure. */
import { parseCidr, parseIp } from '@flatnet/addressing';
import type { AddResult } from '@flatnet/cni';
import type { DriverNetwork } from './network.ts';

/** `mac_address` and `ipnet` have to be there (netavark's StatusBlock). */
export interface SetupAnswer {
  readonly interfaces: Readonly<
    Record<
      string,
      {
        readonly mac_address: string;
        readonly subnets: readonly { readonly ipnet: string; readonly gateway?: string }[];
      }
    >
  >;
  readonly dns_server_ips: readonly string[];
  readonly dns_search_domains: readonly string[];
}

export function answerOf(result: AddResult, ifName: string, { subnets, dnsEnabled }: DriverNetwork): SetupAnswer {
  const own = result.interfaces.findIndex(({ name, sandbox = '' }) => name === ifName && sandbox !== '');
  const ips = result.ips.filter((ip) => ip.interface === undefined || ip.interface === own);
  // The stand-in of a network without a gateway is none that a container could ask.
  const isGateway = (text: string): boolean => subnets.some(({ gateway }) => gateway?.equals(parseIp(text)) ?? false);
  return {
    interfaces: {
      [ifName]: {
        mac_address: result.interfaces[own]?.mac ?? '',
        subnets: ips.map(({ address, gateway }) => ({
          ipnet: String(parseCidr(address)),
          ...(gateway === undefined || !isGateway(gateway) ? {} : { gateway }),
        })),
      },
    },
    dns_server_ips: dnsEnabled ? (result.dns.nameservers ?? []) : [],
    dns_search_domains: dnsEnabled ? (result.dns.search ?? []) : [],
  };
}
