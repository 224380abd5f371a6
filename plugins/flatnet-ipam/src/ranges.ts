import { bitsOf, parseCidr, findOverlap, parseIp, Range, type Cidr, type Family, type Ip } from '@flatnet/addressing';
import { CniError, ErrorCode, isAtLeast, isSupportedVersion, DEFAULT_VERSION } from '@flatnet/cni';

/** One entry of `ranges`: the addresses from rangeStart to rangeEnd of a subnet. */
export interface RangeConfig {
  readonly subnet: Cidr;
  readonly span: Range;
  readonly gateway: Ip;
}

/** A range set: its ranges together are one pool, from which an attachment gets one address. */
export interface RangeSetConfig {
  readonly ranges: readonly RangeConfig[];
  readonly family: Family;
  /** `10.1.0.1-10.1.0.254,…`, as the reference writes it in its messages. */
  readonly name: string;
}

interface GivenRange {
  readonly subnet?: string | undefined;
  readonly rangeStart?: string | undefined;
  readonly rangeEnd?: string | undefined;
  readonly gateway?: string | undefined;
}

/** Each address is a file of the store: more could not be leased within a second. */
const MAX_SETS = 1000;

/**
 * The range sets in the order of their addresses: capability `ipRanges`, then the short form (`subnet` beside `type`), then
 * `ranges`. Rules and texts of host-local, since clients compare them.
 *
 * @throws CniError code 7; AddressError for a text that is no address.
 */
export const rangeSetsOf = (
  ipam: GivenRange & { readonly ranges?: readonly (readonly GivenRange[])[] | undefined },
  ipRanges: readonly (readonly GivenRange[])[],
  cniVersion: string,
): readonly RangeSetConfig[] => {
  const short = ipam.subnet ? [[ipam]] : [];
  const given = [...ipRanges, ...short, ...(ipam.ranges ?? [])];
  if (given.length === 0) throw refuse('no IP ranges specified', 'give ipam a "subnet" or "ranges"');
  if (given.length > MAX_SETS) {
    throw refuse(
      `${given.length} range sets are too many`,
      `an attachment gets one address of each, and at most ${MAX_SETS}; put the ranges into fewer sets`,
    );
  }
  const sets = given.map(rangeSetOf);
  assertOneEachBefore030(sets, cniVersion);
  refuseOverlappingSets(sets);
  return sets;
};

type Refuse = (message: string, details: string) => CniError;

const rangeSetOf = (given: readonly GivenRange[], index: number): RangeSetConfig => {
  const invalid: Refuse = (message, details) => refuse(`invalid range set ${index}: ${message}`, details);
  const ranges = given.map((range) => rangeOf(range, invalid));
  const [first] = ranges;
  if (first === undefined) throw invalid('empty range set', 'give it a subnet');
  const { family } = first.subnet.ip;
  if (ranges.some(({ subnet }) => subnet.ip.family !== family)) {
    throw invalid('mixed address families', 'one range set is one pool of one family');
  }
  const spans = ranges.map(({ span }) => span);
  const overlap = findOverlap(spans);
  if (overlap !== undefined) {
    const [one, other] = overlap.map((place) => spans[place]);
    throw invalid(`subnets ${one} and ${other} overlap`, 'use ranges that do not overlap');
  }
  return { ranges, family, name: ranges.map(({ span }) => span.toString()).join(',') };
};

/**
 * /31 and /127 links and single addresses are refused as host-local refuses them: with a gateway of our own on the bridge, none
 * would be left for a container.
 */
const rangeOf = ({ subnet: text, rangeStart, rangeEnd, gateway }: GivenRange, invalid: Refuse): RangeConfig => {
  if (!text) throw invalid('missing subnet in a range', 'every range needs a "subnet"');
  const subnet = parseCidr(text);
  const { network, prefix } = subnet;
  if (prefix > bitsOf(network.family) - 2) {
    throw invalid(`Network ${subnet} too small to allocate from`, 'the longest prefixes are /30 and /126');
  }
  if (subnet.hasHostBits) {
    const rule = `For a subnet mask of length ${prefix} the network address is ${network}`;
    throw invalid(`Network has host bits set. ${rule}`, `subnet is ${subnet}`);
  }
  const inside = (key: string, ip: Ip): Ip => {
    if (subnet.contains(ip)) return ip;
    throw invalid(`${key} ${ip} not in network ${subnet}`, 'it must be inside the subnet');
  };
  const start = rangeStart ? inside('RangeStart', parseIp(rangeStart)) : subnet.firstUsable;
  const end = rangeEnd ? inside('RangeEnd', parseIp(rangeEnd)) : subnet.lastUsable;
  if (start.value > end.value) throw invalid(`RangeStart ${start} is above RangeEnd ${end}`, `subnet is ${subnet}`);
  const hop = gateway ? gatewayOf(subnet, gateway, invalid) : subnet.firstUsable;
  return { subnet, span: new Range(start, end), gateway: hop };
};

/** It may lie outside the subnet (routed containers), but never be an address that no host can have. */
const gatewayOf = (subnet: Cidr, text: string, invalid: Refuse): Ip => {
  const gateway = parseIp(text);
  if (gateway.family !== subnet.ip.family) throw invalid(`gateway ${gateway} is not of the family of ${subnet}`, '');
  if (gateway.family === 4 && (gateway.equals(subnet.network) || gateway.equals(subnet.last))) {
    throw invalid(`gateway ${gateway} is the network or broadcast address of ${subnet}`, 'choose a host address');
  }
  return gateway;
};

const refuseOverlappingSets = (sets: readonly RangeSetConfig[]): void => {
  const spans = sets.flatMap(({ ranges }, set) => ranges.map(({ span }) => ({ span, set })));
  const [one = 0, other = 0] = (findOverlap(spans.map(({ span }) => span)) ?? []).map((at) => spans[at]?.set ?? 0);
  // Ranges of one set were compared before, so two places of one set are none.
  if (one === other) return;
  throw refuse(`range set ${one} overlaps with ${other}`, `${sets[one]?.name} and ${sets[other]?.name}`);
};

/** Results before 0.3.0 have room for one address of each family. */
const assertOneEachBefore030 = (sets: readonly RangeSetConfig[], cniVersion: string): void => {
  const version = isSupportedVersion(cniVersion) ? cniVersion : DEFAULT_VERSION;
  const isOneEach = new Set(sets.map(({ family }) => family)).size === sets.length;
  if (isOneEach || isAtLeast(version, '0.3.0')) return;
  throw refuse(`CNI version ${version} does not support more than 1 address per family`, 'raise cniVersion');
};

/** `10.1.0.5`, `10.1.0.0/28` or `10.1.0.5-10.1.0.9`. */
export const parseExcluded = (text: string): Range => {
  const dash = text.indexOf('-');
  if (dash >= 0) return new Range(parseIp(text.slice(0, dash)), parseIp(text.slice(dash + 1)));
  return text.includes('/') ? Range.ofCidr(parseCidr(text)) : Range.ofIp(parseIp(text));
};

const refuse: Refuse = (message, details) => new CniError(ErrorCode.invalidConfig, message, details);
