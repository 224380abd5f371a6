/** What a new network must keep clear of: other networks of Podman, conflists, and the host's routes and addresses. */
import { readdirSync, readFileSync } from 'node:fs';
import { AddressError, type Cidr, parseCidr } from '@flatnet/addressing';
import { isObject } from '@flatnet/cni';
import { containersConf, networkFolders, readNetworkFiles } from '@flatnet/driver';
import { findTool } from '@flatnet/exec';
import { cidrOf, type Kernel, usedSubnetOf } from '@flatnet/kernel';

export interface TakenSubnet {
  readonly subnet: Cidr;
  readonly by: string;
  /** The device that has it, for routes and addresses. */
  readonly device?: string;
}

export interface Surroundings {
  readonly taken: readonly TakenSubnet[];
  /** Names of other networks' bridges, and whose they are. */
  readonly bridges: ReadonlyMap<string, string>;
  /** Names of networks that conflists define. */
  readonly conflists: ReadonlySet<string>;
  /** Kinds of the host's links by name; an empty text for a link without one. */
  readonly links: ReadonlyMap<string, string>;
  readonly hasDnsmasq: boolean;
  readonly random: () => Uint8Array;
}

const CONFLISTS = '/etc/cni/net.d';
/** Podman's default network, which has a file only after its first change. */
const PODMAN_DEFAULT: TakenSubnet = { subnet: parseCidr('10.88.0.0/16'), by: 'the default network podman' };

/** @throws RtnetlinkError. */
export function surroundingsOf(
  { rtnetlink }: Pick<Kernel, 'rtnetlink'>,
  env: Readonly<Record<string, string | undefined>>,
): Omit<Surroundings, 'random'> {
  const files = readNetworkFiles(networkFolders(env, containersConf(env)))
    .map(({ json }) => json)
    .filter(isObject);
  const conflists = readConflists(env['NETCONFPATH'] || CONFLISTS);
  const links = rtnetlink.listLinks();
  const routes = ([4, 6] as const).flatMap((family) =>
    rtnetlink.listRoutes({ family }).flatMap((route): TakenSubnet[] => {
      const used = usedSubnetOf(route);
      return used === undefined ? [] : [{ ...used, by: `the route to it by ${used.device}` }];
    }),
  );
  const addresses = links.flatMap(({ name }) =>
    rtnetlink.listAddresses(name).flatMap((address) => ofText(cidrOf(address), `an address of ${name}`, name)),
  );
  return {
    taken: [
      PODMAN_DEFAULT,
      ...[...files, ...conflists].flatMap((json) => subnetsIn(json, `network ${String(json['name'])}`)),
      ...routes,
      ...addresses,
    ],
    bridges: new Map(
      [...files, ...conflists].flatMap((json) =>
        bridgesIn(json).map((bridge) => [bridge, String(json['name'])] as const),
      ),
    ),
    conflists: new Set(conflists.map((json) => String(json['name']))),
    links: new Map(links.map(({ name, kind = '' }) => [name, kind])),
    hasDnsmasq: findTool('dnsmasq') !== undefined,
  };
}

type Json = Readonly<Record<string, unknown>>;

function readConflists(folder: string): readonly Json[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(?:conflist|conf|json)$/.test(name))
      .flatMap((name) => {
        try {
          const json: unknown = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
          return isObject(json) ? [json] : [];
        } catch {
          return [];
        }
      });
  } catch {
    return [];
  }
}

const objectsIn = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.flatMap(objectsIn) : isObject(value) ? [value] : [];

/** Podman's `subnets`, and host-local's two spellings. */
const subnetsIn = (json: Json, by: string): readonly TakenSubnet[] => {
  const ipams = [json, ...objectsIn(json['plugins'])].flatMap((plugin) => objectsIn(plugin['ipam']));
  const entries = [...objectsIn(json['subnets']), ...ipams, ...ipams.flatMap((ipam) => objectsIn(ipam['ranges']))];
  return entries.flatMap(({ subnet }) => (typeof subnet === 'string' ? ofText(subnet, by) : []));
};

const bridgesIn = (json: Json): readonly string[] =>
  [json['network_interface'], ...objectsIn(json['plugins']).map(({ bridge }) => bridge), json['bridge']].filter(
    (name): name is string => typeof name === 'string' && name !== '',
  );

/** Link-local and loopback addresses are on every host, and clash with none. */
const EVERYWHERE = ['127.0.0.0/8', '::1/128', 'fe80::/10', '169.254.0.0/16'].map(parseCidr);

function ofText(text: string, by: string, device?: string): readonly TakenSubnet[] {
  try {
    const subnet = parseCidr(text);
    if (EVERYWHERE.some((each) => each.contains(subnet.ip))) return [];
    return [{ subnet, by, ...(device === undefined ? {} : { device }) }];
  } catch (error) {
    if (error instanceof AddressError) return [];
    throw error;
  }
}
