/** stdin of setup and teardown -> the chain, and what its plugins are told of the container. Pure. */
import { parseIp, type Ip } from '@flatnet/addressing';
import { assertContainerId, assertIfName, type Attach, type ChainConfig, isIdentifier, shown } from '@flatnet/cni';
import { decode } from '@flatnet/cni/schema';
import { bridgeOf, chainOf, chainOfName } from './chain.ts';
import { type AttachmentDocument, attachmentSchema, identitySchema } from './document.ts';
import { decodeDriverNetwork, type DriverNetwork, type DriverSubnet } from './network.ts';
import { readAttachmentOptions } from './options.ts';
import { readField, refuse } from './refuse.ts';

/** What setup has to make. */
export interface WantedAttachment {
  readonly network: DriverNetwork;
  readonly chain: ChainConfig;
  readonly attach: Attach;
}

/** What teardown has to remove. */
export interface EndedAttachment {
  readonly chain: ChainConfig;
  readonly bridge: string;
  readonly attach: Attach;
}

/** @throws CniError code 4 or 7 that names the field. */
export function decodeAttachment(json: unknown, netns: string): WantedAttachment {
  const document = decode(attachmentSchema, json, 'request of setup');
  const { network_options: own } = document;
  assertContainerId(document.container_id);
  assertIfName(own.interface_name);
  const network = decodeDriverNetwork(document.network);
  const { metric } = readAttachmentOptions(own.options ?? {});
  const chosen = metric === undefined ? network : { ...network, options: { ...network.options, metric } };
  const ips = addressesOf(network, own.static_ips ?? []);
  const name = document.container_name ?? '';
  return {
    network: chosen,
    chain: chainOf({ ...chosen, subnets: chosen.subnets.map((each) => withRoomFor(each, ips)) }),
    attach: {
      ...{ containerId: document.container_id, ifName: own.interface_name, netns },
      cniArgs: [['IgnoreUnknown', '1'], ...(isIdentifier(name) ? [['K8S_POD_NAME', name] as const] : [])],
      capabilityArgs: {
        ips: ips.map(String),
        ...(own.static_mac === undefined || own.static_mac === '' ? {} : { mac: own.static_mac }),
        aliases: { [network.name]: own.aliases ?? [] },
        portMappings: (document.port_mappings ?? []).map(mappingOf),
      },
    },
  };
}

/**
 * Lax: a network that setup would refuse has containers that end, too.
 *
 * @throws CniError code 4 or 7 where network, container or interface are not told.
 */
export function decodeEnd(json: unknown): EndedAttachment {
  const {
    container_id: containerId,
    network,
    network_options: own,
  } = decode(identitySchema, json, 'request of teardown');
  assertContainerId(containerId);
  assertIfName(own.interface_name);
  const attach = { containerId, ifName: own.interface_name, netns: '', cniArgs: [], capabilityArgs: {} };
  try {
    const { chain, network: decoded } = decodeAttachment(json, '');
    return { chain, bridge: bridgeOf(decoded), attach };
  } catch {
    const chain = chainOfName(network.name, network.network_interface);
    return { chain, bridge: String(chain.plugins[0]?.['bridge']), attach };
  }
}

/** Podman may say an address twice: as wish, and as what the last setup answered. */
function addressesOf({ subnets, ipam }: DriverNetwork, texts: readonly string[]): readonly Ip[] {
  if (ipam === 'none') return [];
  const ips = texts.map((text) => readField('static_ips', () => parseIp(text)));
  const unique = [...new Map(ips.map((ip) => [String(ip), ip])).values()];
  unique.forEach((ip) => refuseUnusable(subnets, ip));
  return unique;
}

/** `--ip` may lie beside the range that addresses are leased from by themselves. */
function withRoomFor({ subnet, gateway, ...range }: DriverSubnet, ips: readonly Ip[]): DriverSubnet {
  const isAsked = ips.some((ip) => subnet.contains(ip));
  return { subnet, ...(gateway === undefined ? {} : { gateway }), ...(isAsked ? {} : range) };
}

function refuseUnusable(subnets: DriverNetwork['subnets'], ip: Ip): void {
  const home = subnets.find(({ subnet }) => subnet.contains(ip));
  const all = subnets.map(({ subnet }) => subnet).join(', ');
  if (home === undefined) return refuse(`address ${ip} is in none of the subnets of the network`, `give one of ${all}`);
  const { subnet, gateway } = home;
  const role = gateway?.equals(ip)
    ? 'gateway'
    : ip.equals(subnet.network)
      ? 'network address'
      : ip.family === 4 && ip.equals(subnet.last)
        ? 'broadcast address'
        : undefined;
  if (role !== undefined) refuse(`address ${ip} is the ${role} of ${subnet}`, 'give another one');
}

type Mapping = NonNullable<AttachmentDocument['port_mappings']>[number];

/** In the words of the capability `portMappings`, with flatnet-portmap's `range`. */
function mappingOf({ container_port: containerPort, host_port: hostPort, ...rest }: Mapping): object {
  const { host_ip: hostIP = '', protocol = 'tcp', range = 1 } = rest;
  if (!/^[a-z]{1,8}$/.test(protocol)) {
    refuse(`port ${hostPort} is of protocol ${shown(protocol)}`, 'give one of tcp, udp, sctp');
  }
  return { hostPort, containerPort, protocol, ...(hostIP === '' ? {} : { hostIP }), ...(range > 1 ? { range } : {}) };
}
