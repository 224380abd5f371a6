/** Request -> what the attachment publishes, as a value. Pure but for the routing table, which is handed in. */
import type { Cidr } from '@flatnet/addressing';
import { CniError, ErrorCode, ownerOf, type AddResult, type Attachment } from '@flatnet/cni';
import { describePort, listenKey, mergePorts, onAllAddresses, portKey, portsOf } from '@flatnet/hostport';
import type { Hairpin, Plan, Port } from '@flatnet/hostport';
import type { Kernel } from '@flatnet/kernel';
import type { PortmapConfig } from './config.ts';
import { refuse } from './field.ts';
import { cidrOf, type Listen, type Mapping } from './mappings.ts';

/**
 * The container's first address of each family: of the interface CNI_IFNAME, or, where results name no interface, the first at all.
 *
 * @throws CniError code 7 that names the field of prevResult.
 */
export const containerAddresses = (result: AddResult, ifName: string): readonly Cidr[] => {
  const inside = (index: number | undefined): boolean => {
    const link = index === undefined ? undefined : result.interfaces[index];
    return link !== undefined && link.name === ifName && link.sandbox !== undefined && link.sandbox !== '';
  };
  const ips = result.ips.map((ip, index) => ({ ...ip, field: `prevResult.ips[${index}].address` }));
  const own = ips.filter((ip) => inside(ip.interface));
  const unnamed = ips.filter((ip) => ip.interface === undefined);
  const all = (own.length > 0 ? own : unnamed).map(({ field, address }) => cidrOf(field, address));
  return ([4, 6] as const).flatMap((family) => all.find(({ ip }) => ip.family === family) ?? []);
};

/** A container's address, printed once: a range is a thousand mappings, and printing costs a quarter of a millisecond. */
interface Target {
  readonly family: 4 | 6;
  readonly address: string;
}

const portsOfMapping = (mapping: Mapping, targets: readonly Target[]): readonly Port[] => {
  const listen: readonly Listen[] = mapping.listen ?? targets;
  const pairs = listen.flatMap((each) => {
    const target = targets.find(({ family }) => family === each.family);
    return target === undefined ? [] : [{ each, target }];
  });
  // Several are a default for containers of either family; a mapping's own address is one, and must be honoured.
  if (pairs.length === 0 && mapping.listen !== undefined) {
    const families = [...new Set(mapping.listen.map(({ family }) => `IPv${family}`))].join(' and ');
    return refuse(`${mapping.field} is of ${families}, and the container has no address of that family`);
  }
  return pairs.flatMap(({ each, target }) => {
    const allowFrom = mapping.allowFrom?.filter((cidr) => cidr.includes(':') === (each.family === 6));
    const { family } = each;
    const { protocol, hostPort, containerPort: port, count } = mapping;
    const common = { family, protocol, hostPort, port, count, address: target.address };
    return portsOf([
      {
        ...common,
        ...(each.ip === undefined ? {} : { hostIp: each.ip }),
        ...(allowFrom === undefined ? {} : { allowFrom }),
      },
    ]);
  });
};

/** One port per listening key. The same mapping twice is one; two different ones for the same thing are refused. */
const withoutDoubles = (ports: readonly Port[]): readonly Port[] => {
  const chosen = new Map<string, Port>();
  for (const port of ports) {
    const other = chosen.get(listenKey(port));
    if (other !== undefined && portKey(other) !== portKey(port)) {
      refuse(`two entries of portMappings want ${describePort(port)} for different container ports`);
    }
    chosen.set(listenKey(port), port);
  }
  return [...chosen.values()].filter((port) => {
    if (port.hostIp === undefined) return true;
    const everywhere = onAllAddresses(port);
    const all = chosen.get(listenKey(everywhere));
    if (all === undefined) return true;
    if (portKey(all) === portKey(everywhere)) return false;
    return refuse(
      `portMappings want ${describePort(port)}, and the same port on all addresses for another container port`,
    );
  });
};

const hairpinsOf = (config: PortmapConfig, ports: readonly Port[], addresses: readonly Cidr[]): readonly Hairpin[] => {
  if (!config.snat && !config.masqAll) return [];
  return addresses
    .filter(({ ip }) => ports.some(({ family }) => family === ip.family))
    .map((cidr) => ({
      family: cidr.ip.family,
      address: cidr.ip.toString(),
      from: config.masqAll ? 'all' : `${cidr.network}/${cidr.prefix}`,
    }));
};

/** Finds the host's interface towards an IPv4 address. */
export type RouteLookup = (address: string) => string | undefined;

/** A container is never behind the default route. One question, whatever the number of routes. */
export const wayTo =
  ({ rtnetlink }: Pick<Kernel, 'rtnetlink'>): RouteLookup =>
  (address) =>
    rtnetlink.findDeviceTo(address, { exceptDefault: true });

/** What the attachment is to publish. @throws CniError code 7 for a mapping that cannot be honoured. */
export const planOf = (
  network: string,
  attachment: Attachment,
  config: PortmapConfig,
  result: AddResult,
  lookup: RouteLookup,
): Plan => {
  const addresses = containerAddresses(result, attachment.ifName);
  if (config.mappings.length > 0 && addresses.length === 0) {
    throw new CniError(
      ErrorCode.invalidConfig,
      `cannot publish ports of ${attachment.containerId}`,
      `prevResult has no address for interface ${attachment.ifName}`,
    );
  }
  const targets = addresses.map(({ ip }) => ({ family: ip.family, address: ip.toString() }));
  const ports = withoutDoubles(config.mappings.flatMap((mapping) => portsOfMapping(mapping, targets)));
  const loopback = ports.find(
    ({ family, hostIp }) => family === 4 && (hostIp === undefined || hostIp.startsWith('127.')),
  );
  const localInterface = config.snat && loopback !== undefined ? lookup(loopback.address) : undefined;
  return {
    owner: ownerOf(network, attachment),
    publications: mergePorts(ports),
    hairpins: hairpinsOf(config, ports, addresses),
    ...(localInterface === undefined ? {} : { localInterface }),
  };
};
