/** A request -> the zone that its network needs, and the names of its attachment. */
import { parseCidr } from '@flatnet/addressing';
import { type AddResult, CniError, ErrorCode, networkHash, ownerOf } from '@flatnet/cni';
import type { Entry, Upstreams, Zone } from '@flatnet/dns';
import { type GatewayDevice, gatewayDeviceOf, type Kernel } from '@flatnet/kernel';
import { type AddRequest, chainedResult } from '@flatnet/skel';
import { addressIn, type DnsConfig } from './config.ts';
import { domainOf, namesOf } from './names.ts';

export interface Wanted {
  readonly result: AddResult;
  readonly zone: Zone;
  readonly entry: Entry;
}

/** @throws CniError code 7; RtnetlinkError. */
export function wantedOf(kernel: Kernel, request: AddRequest<DnsConfig>): Wanted {
  const { network, attachment, netns } = request;
  const result = chainedResult(request, 'flatnet-dns');
  if (result.ips.length === 0) {
    throw new CniError(
      ErrorCode.invalidConfig,
      'no ip address was found',
      'prevResult has no address that a name could stand for: give the network an "ipam"',
    );
  }
  const { name: bridge, addresses } = deviceOf(kernel, result, network);
  const domain = domainOf(request);
  const subnets = result.ips.map(({ address }) => subnetOf(address));
  const upstreams = upstreamsOf(request.config, result, addresses);
  return {
    result,
    zone: { network, networkHash: networkHash(network), bridge, addresses, subnets, domain, upstreams },
    entry: {
      ...{ owner: ownerOf(network, attachment), netns, names: namesOf(request, domain) },
      addresses: result.ips.map(({ address }) => String(parseCidr(address).ip)),
    },
  };
}

/** `10.0.0.7/24` -> `10.0.0.0/24` */
function subnetOf(address: string): string {
  const { network, prefix } = parseCidr(address);
  return `${network}/${prefix}`;
}

/** The result with the resolvers of the zone before all others: containers ask the first one that answers. */
export function withDns({ result, zone }: Wanted): AddResult {
  const { nameservers = [], search = [], ...rest } = result.dns;
  const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];
  const others = zone.upstreams === 'none' ? [] : nameservers;
  const dns = {
    ...rest,
    nameservers: unique([...zone.addresses, ...others]),
    search: unique([...search, zone.domain]),
  };
  return { ...result, dns };
}

const ANYWHERE = new Set(['0.0.0.0/0', '::/0']);

/** A network without a way out asks no resolver outside. */
function upstreamsOf(config: DnsConfig, result: AddResult, own: readonly string[]): Upstreams {
  if (config.internal || !result.routes.some(({ dst }) => ANYWHERE.has(dst))) return 'none';
  const given = config.nameservers ?? (result.dns.nameservers ?? []).map((text) => addressIn('prevResult.dns', text));
  const others = given.filter((address) => !own.includes(address));
  return others.length === 0 ? 'host' : others;
}

/** The device that containers have their gateway on. @throws CniError code 7. */
function deviceOf(kernel: Kernel, result: AddResult, network: string): GatewayDevice {
  const device = gatewayDeviceOf(kernel, result);
  if (device !== undefined && device.addresses.length > 0) return device;
  throw new CniError(
    ErrorCode.invalidConfig,
    `network ${network} has no bridge with an address that its containers could ask`,
    'flatnet-dns needs isGateway: set it in the main plugin, and put flatnet-dns behind it',
  );
}
