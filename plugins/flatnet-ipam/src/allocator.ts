import { Range, RangeSet, SortedRanges, type Ip } from '@flatnet/addressing';
import { CniError, ErrorCode, shown } from '@flatnet/cni';
import type { Choice, Lease, StoreView } from '@flatnet/store';
import type { Allocation } from './config.ts';
import type { RangeConfig, RangeSetConfig } from './ranges.ts';
import { freeFrom } from './search.ts';

/** The container that asks, and what for. */
export interface Wish {
  readonly allocation: Allocation;
  /** Addresses asked for, from all sources. */
  readonly requested: readonly Ip[];
  /** The container's name and MAC, as far as known. */
  readonly name?: string;
  readonly mac?: string;
  readonly cooldown: number;
}

/** A set that has no free address now. `isCooling` when waiting helps. */
export class PoolFull extends CniError {
  constructor(
    set: RangeSetConfig,
    readonly isCooling: boolean,
    details: string,
  ) {
    const code = isCooling ? ErrorCode.tryAgainLater : ErrorCode.exhausted;
    super(code, `no IP addresses available in range set: ${set.name}`, details);
  }
}

/** A requested address that is leased. `holder` is absent where that is not known. */
export class AddressTaken extends CniError {
  constructor(
    set: RangeSetConfig,
    ip: Ip,
    readonly holder: Lease | undefined,
  ) {
    const owner =
      holder === undefined
        ? 'it is held, but by a lease that cannot be read'
        : `it is held by container ${holder.attachment.containerId}, interface ${holder.attachment.ifName || 'unknown'}, ` +
          `network ${holder.network}, since ${holder.since}`;
    super(ErrorCode.conflict, `requested IP address ${ip} is not available in range set ${set.name}`, owner);
  }
}

/** Looks before one reading of all names is cheaper. */
const PROBES = 64;

/**
 * One address from each range set: the requested one, else the reserved one, else the one that the name had, else the next free one
 * after the last given (not the lowest free one: neighbours still have an old MAC of that in their caches).
 *
 * @throws PoolFull, AddressTaken, CniError code 7 or 100 for a request that cannot be met.
 */
export const chooseAddresses = (wish: Wish, view: StoreView): readonly Choice[] => {
  const left = [...new Map(wish.requested.map((ip) => [ip.toString(), ip])).values()];
  let sorted: SortedRanges | undefined;
  const withheld = (): SortedRanges => (sorted ??= withheldBy(wish.allocation));
  const choices = wish.allocation.sets.map((set) => {
    const at = left.findIndex((ip) => contains(set, ip, wish.allocation));
    const [wanted] = at < 0 ? [] : left.splice(at, 1);
    return wanted === undefined ? chooseUnasked(set, wish, view, withheld) : chooseRequested(set, wanted, wish, view);
  });
  if (left.length === 0) return choices;
  const sets = wish.allocation.sets.map(({ name }) => name).join(' and ');
  throw new CniError(
    ErrorCode.conflict,
    `failed to allocate all requested IPs: ${left.join(', ')}`,
    `each range set gives one address; the range sets are ${sets}`,
  );
};

const chooseRequested = (set: RangeSetConfig, ip: Ip, wish: Wish, view: StoreView): Choice => {
  const refuse = (message: string, details: string) => new CniError(ErrorCode.conflict, message, details);
  const range = homeOf(set, ip);
  if (wish.allocation.sets.some(({ ranges }) => ranges.some(({ gateway }) => gateway.equals(ip)))) {
    throw refuse(`requested ip ${ip} is subnet's gateway`, `of ${range?.subnet}; choose another address`);
  }
  if (range !== undefined && unusable(range).some((hole) => hole.contains(ip))) {
    throw refuse(
      `requested ip ${ip} is the network or broadcast address`,
      `of ${range.subnet}; choose another address`,
    );
  }
  if (wish.allocation.exclude.some((hole) => hole.contains(ip))) {
    throw refuse(`requested ip ${ip} is excluded`, 'by ipam.exclude of this network');
  }
  const owner = [...wish.allocation.reserve].find(([, ips]) => ips.some((reserved) => reserved.equals(ip)))?.[0];
  if (owner !== undefined && owner !== wish.name && owner !== wish.mac) {
    throw refuse(`requested ip ${ip} is reserved`, `for ${shown(owner)} by ipam.reserve of this network`);
  }
  if (view.isTaken(ip)) throw new AddressTaken(set, ip, view.holderOf(ip));
  return { ip };
};

const chooseUnasked = (set: RangeSetConfig, wish: Wish, view: StoreView, withheld: () => SortedRanges): Choice => {
  const { reserve, stickyBy } = wish.allocation;
  const own = [wish.mac, wish.name].flatMap((key) => (key === undefined ? [] : (reserve.get(key) ?? [])));
  // Outside rangeStart … rangeEnd is a good place for a reserved address, so the subnet decides.
  const reserved = own.find((ip) => subnetOf(set, ip) !== undefined);
  if (reserved !== undefined) {
    if (view.isTaken(reserved)) throw new AddressTaken(set, reserved, view.holderOf(reserved));
    return { ip: reserved };
  }
  const pool = poolOf(set, withheld());
  if (stickyBy === 'name' && wish.name !== undefined) {
    // Its own old address does not have to cool down for it.
    const old = view.remembered(wish.name).find((ip) => pool.contains(ip) && !view.isTaken(ip));
    if (old !== undefined) return { ip: old };
  }
  return { ip: nextFree(set, pool, wish.cooldown, view), pool: set.name };
};

/** The addresses of a set that any container may get. */
export const poolOf = (set: RangeSetConfig, withheld: SortedRanges): RangeSet =>
  new RangeSet(set.ranges.map(({ span }) => span)).minus(withheld);

/** The addresses that no container gets unasked: edges and gateways of all ranges, `exclude`, `reserve`. */
export const withheldBy = ({ sets, exclude, reserve }: Allocation): SortedRanges => {
  const ranges = sets.flatMap((set) => set.ranges);
  const gateways = ranges.map(({ gateway }) => Range.ofIp(gateway));
  const reserved = [...reserve.values()].flat().map((ip) => Range.ofIp(ip));
  return new SortedRanges([...ranges.flatMap(unusable), ...gateways, ...exclude, ...reserved]);
};

/** The network's own address (IPv6: all routers), and the broadcast address of IPv4, even if a range was stretched over them. */
const unusable = ({ subnet }: RangeConfig): readonly Range[] => [
  Range.ofIp(subnet.network),
  ...(subnet.ip.family === 4 ? [Range.ofIp(subnet.last)] : []),
];

const nextFree = (set: RangeSetConfig, pool: RangeSet, cooldown: number, view: StoreView): Ip => {
  if (pool.size === 0n) throw new PoolFull(set, false, 'all of it is gateway, excluded or reserved');
  const last = view.cursor(set.name);
  const start = ((last === undefined ? undefined : pool.positionOf(last)) ?? -1n) + 1n;
  let cooling = 0;
  const isFree = (ip: Ip): boolean => {
    if (cooldown === 0 || !view.isCooling(ip, cooldown)) return true;
    cooling++;
    return false;
  };
  const probes = pool.size < BigInt(PROBES) ? pool.size : BigInt(PROBES);
  for (let step = 0n; step < probes; step++) {
    const ip = pool.at(start + step);
    if (!view.isTaken(ip) && isFree(ip)) return ip;
  }
  if (probes < pool.size) {
    // Those that were probed come last, and are taken by now or cooling: counted once.
    cooling = 0;
    for (const ip of freeFrom(pool, start + probes, view.takenNames())) if (isFree(ip)) return ip;
  }
  const rest = cooling === 0 ? '' : `, ${cooling} of them released less than ${cooldown} s ago (ipam.cooldown)`;
  throw new PoolFull(
    set,
    cooling > 0,
    `all ${pool.size} addresses are in use${rest}; remove containers or widen the range`,
  );
};

/** The range of a set whose addresses include `ip`. */
const rangeOf = (set: RangeSetConfig, ip: Ip): RangeConfig | undefined =>
  set.ranges.find(({ span }) => span.contains(ip));

/** The subnet of a set that `ip` lies in. */
const subnetOf = (set: RangeSetConfig, ip: Ip): RangeConfig | undefined =>
  set.ranges.find(({ subnet }) => subnet.contains(ip));

/** The range that prefix and gateway of `ip` come from: subnets of a set may nest or be the same, the addresses of its ranges are not. */
export const homeOf = (set: RangeSetConfig, ip: Ip): RangeConfig | undefined => rangeOf(set, ip) ?? subnetOf(set, ip);

/**
 * A requested address counts as of this set even at the edges, so that the refusal can say what it is. A reserved one may lie anywhere in
 * the subnet, and is pinned by runtimes like any other.
 */
const contains = (set: RangeSetConfig, ip: Ip, { reserve }: Allocation): boolean =>
  rangeOf(set, ip) !== undefined ||
  set.ranges.some(({ subnet, gateway }) => subnet.contains(ip) && (gateway.equals(ip) || ip.equals(subnet.network))) ||
  set.ranges.some(({ subnet }) => ip.family === 4 && ip.equals(subnet.last)) ||
  (subnetOf(set, ip) !== undefined && [...reserve.values()].flat().some((reserved) => reserved.equals(ip)));
