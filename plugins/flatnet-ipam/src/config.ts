import { AddressError, parseCidr, parseIp, parseIpOrCidr, type Ip, type Range } from '@flatnet/addressing';
import {
  CniError,
  DEFAULT_DATA_DIR,
  ErrorCode,
  field,
  misfit,
  objectField,
  readShape,
  shown,
  type Explain,
  type Route,
  type Verb,
} from '@flatnet/cni';
import { checks } from './checks.ts';
import { configShape } from './config-shape.ts';
import { parseExcluded, rangeSetsOf, type RangeSetConfig } from './ranges.ts';
import type { Raw } from './schema.ts';
import { segmentOf } from './segment.ts';

/** Where the leases are: all that DEL and GC need. */
export interface StoreConfig {
  readonly dataDir: string;
  /** Seconds before a released address is given out again. */
  readonly cooldown: number;
  /** A lease folder of host-local to take over. */
  readonly importFrom?: string;
  /** The device that this network shares with others. */
  readonly segment?: string;
}

/** What is handed out, and how. */
export interface Allocation {
  /** One address is given from each. */
  readonly sets: readonly RangeSetConfig[];
  readonly exclude: readonly Range[];
  /** Container name or MAC (lower case) -> its addresses. */
  readonly reserve: ReadonlyMap<string, readonly Ip[]>;
  readonly stickyBy?: 'name';
  readonly routes: readonly Route[];
  readonly resolvConf?: string;
  /** Addresses asked for by `args.cni.ips` and `runtimeConfig.ips`. */
  readonly requested: readonly Ip[];
  /** MAC of the container's interface, where the runtime tells it in the configuration. */
  readonly mac?: string;
}

export interface Config {
  readonly store: StoreConfig;
  /** Absent for DEL and GC, which must work when ranges are broken or gone. */
  readonly allocation?: Allocation;
}

type Json = Readonly<Record<string, unknown>>;

/** @throws CniError code 7 that names the field; for DEL and GC only what they need is looked at, and nothing is refused. */
export const decodeConfig = (json: Json, verb: Verb, explain: Explain<Raw> = misfit): Config => {
  if (verb === 'DEL' || verb === 'GC') return { store: laxStore(json) };
  const raw = readShape<Raw>(configShape, json, checks) ?? explain(json);
  return { store: storeOf(raw.ipam, segmentOf(json)), allocation: allocationOf(raw, json) };
};

type RawStore = Pick<Raw['ipam'], 'dataDir' | 'cooldown' | 'importFrom'>;

const storeOf = ({ dataDir, cooldown, importFrom }: RawStore, segment: string | undefined): StoreConfig => ({
  dataDir: dataDir || DEFAULT_DATA_DIR,
  cooldown: cooldown ?? 0,
  ...(importFrom ? { importFrom } : {}),
  ...(segment === undefined ? {} : { segment }),
});

/** Each key by itself: a broken `cooldown` must not hide `dataDir`. */
function laxStore(json: Json): StoreConfig {
  const ipam = objectField(json, 'ipam') ?? {};
  const pathAt = (key: string): string | undefined => {
    const value = field(ipam, key);
    return typeof value === 'string' && checks.path(value) ? value : undefined;
  };
  const cooldown = field(ipam, 'cooldown');
  const raw = {
    dataDir: pathAt('dataDir'),
    cooldown: typeof cooldown === 'number' ? cooldown : undefined,
    importFrom: pathAt('importFrom'),
  };
  return storeOf(raw, segmentOf(json));
}

const allocationOf = (raw: Raw, json: Json): Allocation => {
  const { ipam, args, runtimeConfig } = raw;
  const sets = guarded(() => rangeSetsOf(ipam, runtimeConfig?.ipRanges ?? [], String(json['cniVersion'] ?? '')));
  const requested = [...(args?.cni?.ips ?? []), ...(runtimeConfig?.ips ?? [])].map((ip) => parseIpOrCidr(ip).ip);
  const mac = runtimeConfig?.mac ?? args?.cni?.mac;
  return {
    sets,
    exclude: guarded(() => (ipam.exclude ?? []).map(parseExcluded)),
    reserve: reserveOf(ipam.reserve ?? {}, sets),
    ...(ipam.stickyBy === undefined ? {} : { stickyBy: ipam.stickyBy }),
    routes: (ipam.routes ?? []).map(routeOf),
    ...(ipam.resolvConf ? { resolvConf: ipam.resolvConf } : {}),
    requested,
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
  };
};

/** A route in canonical spelling. Without a gateway it goes by the one of its family, so a gateway of another family is a slip. */
const routeOf = (given: NonNullable<Raw['ipam']['routes']>[number], index: number): Route => {
  const dst = parseCidr(given.dst);
  const gw = given.gw ? parseIp(given.gw) : undefined;
  if (gw !== undefined && gw.family !== dst.ip.family) {
    throw invalid(
      `ipam.routes[${index}].gw is ${gw}: not of the family of dst ${dst}; give a gateway of IPv${dst.ip.family}`,
    );
  }
  return withoutUndefined({ ...given, dst: String(dst), gw: gw?.toString() }) as Route;
};

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** A MAC has one spelling; a name stays as it is. */
export const reserveKey = (key: string): string => (MAC.test(key.toLowerCase()) ? key.toLowerCase() : key);

const reserveOf = (
  given: Readonly<Record<string, string | readonly string[]>>,
  sets: readonly RangeSetConfig[],
): ReadonlyMap<string, readonly Ip[]> => {
  const ranges = sets.flatMap((set) => set.ranges);
  const owners = new Map<string, string>();
  const reserve = new Map<string, readonly Ip[]>();
  for (const [key, value] of Object.entries(given)) {
    const ips = (typeof value === 'string' ? [value] : value).map((ip) => parseIpOrCidr(ip).ip);
    for (const ip of ips) {
      const range = ranges.find(({ subnet }) => subnet.contains(ip));
      if (range === undefined) throw invalid(`ipam.reserve: ${ip} of ${shown(key)} is in none of the subnets`);
      if (
        [range.gateway, range.subnet.network, ...(ip.family === 4 ? [range.subnet.last] : [])].some((no) =>
          no.equals(ip),
        )
      ) {
        throw invalid(
          `ipam.reserve: ${ip} of ${shown(key)} is the gateway, network or broadcast address of ${range.subnet}`,
        );
      }
      const other = owners.get(ip.toString());
      if (other !== undefined) throw invalid(`ipam.reserve gives ${ip} to both ${shown(other)} and ${shown(key)}`);
      owners.set(ip.toString(), key);
    }
    reserve.set(reserveKey(key), ips);
  }
  return reserve;
};

export const invalid = (details: string): CniError =>
  new CniError(ErrorCode.invalidConfig, 'invalid ipam configuration', details);

/** What `addressing` refuses is a fault of the configuration. */
const guarded = <T>(work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof AddressError) throw invalid(error.message);
    throw error;
  }
};

const withoutUndefined = <T extends object>(value: T): object =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
