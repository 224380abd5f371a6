import * as z from 'zod/mini';
import { AddressError, parseCidr, parseIp, parseIpOrCidr, type Ip, type Range } from '@flatnet/addressing';
import {
  CniError,
  configObject,
  decode,
  DEFAULT_DATA_DIR,
  ErrorCode,
  shown,
  type Route,
  type Verb,
} from '@flatnet/cni';
import { parseExcluded, rangeSetsOf, type RangeSetConfig } from './ranges.ts';
import { segmentOf } from './segment.ts';

const MAX_COOLDOWN_SECONDS = 86_400;

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

const address = z.string().check(z.refine((text) => parses(() => parseIpOrCidr(text)), 'not an IP address'));
// Go writes an empty string for "not given".
const path = z.string().check(z.refine((text) => text === '' || text.startsWith('/'), 'must be an absolute path'));
const text = z.optional(z.string());
const count = z.optional(z.int().check(z.gte(0)));

// Lazily, what a configuration may not have: building a schema costs more than using it.
const ranges = z.optional(
  z.lazy(() => z.array(z.array(configObject({ subnet: text, rangeStart: text, rangeEnd: text, gateway: text })))),
);
const routes = z.optional(
  z.lazy(() =>
    z.array(
      configObject({
        dst: z.string().check(z.refine((dst) => parses(() => parseCidr(dst)), 'not a destination like 10.0.0.0/8')),
        gw: z.optional(z.string().check(z.refine((gw) => gw === '' || parses(() => parseIp(gw)), 'not an IP address'))),
        mtu: count,
        advmss: count,
        priority: count,
        table: count,
        scope: count,
      }),
    ),
  ),
);
const reserve = z.optional(z.lazy(() => z.record(z.string(), z.union([address, z.array(address)]))));
const cooldown = z.optional(z.lazy(() => z.int().check(z.gte(0), z.lte(MAX_COOLDOWN_SECONDS))));
const stickyBy = z.optional(z.lazy(() => z.enum(['name'])));
const addresses = z.optional(z.lazy(() => z.array(address)));

/** What the `ipam` object of a configuration may say. */
export const configSchema = () =>
  configObject({
    subnet: text,
    rangeStart: text,
    rangeEnd: text,
    gateway: text,
    ranges,
    routes,
    resolvConf: text,
    dataDir: z.optional(path),
    exclude: z.optional(z.array(z.string())),
    reserve,
    stickyBy,
    cooldown,
    importFrom: z.optional(path),
  });
const wholeSchema = () =>
  configObject({
    ipam: configSchema(),
    args: z.optional(z.lazy(() => configObject({ cni: z.optional(configObject({ ips: addresses, mac: text })) }))),
    runtimeConfig: z.optional(z.lazy(() => configObject({ ips: addresses, ipRanges: ranges, mac: text }))),
  });

type Parsed = z.core.output<ReturnType<typeof wholeSchema>>;

/** @throws CniError code 7 that names the field; for DEL and GC only what they need is looked at, and nothing is refused. */
export const decodeConfig = (json: Readonly<Record<string, unknown>>, verb: Verb): Config => {
  if (verb === 'DEL' || verb === 'GC') return { store: laxStore(json, segmentOf(json)) };
  const parsed = decode(wholeSchema(), json, 'configuration');
  return { store: storeOf(parsed.ipam, segmentOf(json)), allocation: allocationOf(parsed, json) };
};

const storeOf = ({ dataDir, cooldown, importFrom }: Parsed['ipam'], segment: string | undefined): StoreConfig => ({
  dataDir: dataDir || DEFAULT_DATA_DIR,
  cooldown: cooldown ?? 0,
  ...(importFrom ? { importFrom } : {}),
  ...(segment === undefined ? {} : { segment }),
});

/** Each key by itself: a broken `cooldown` must not hide `dataDir`. */
const laxSchema = () =>
  configObject({
    ipam: z.catch(
      configObject({
        dataDir: z.catch(z.optional(path), undefined),
        cooldown: z.catch(z.optional(z.number()), undefined),
        importFrom: z.catch(z.optional(path), undefined),
      }),
      {},
    ),
  });

const laxStore = (json: unknown, segment: string | undefined): StoreConfig =>
  storeOf(z.parse(laxSchema(), json).ipam, segment);

const allocationOf = (parsed: Parsed, json: Readonly<Record<string, unknown>>): Allocation => {
  const { ipam, args, runtimeConfig } = parsed;
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
const routeOf = (given: NonNullable<Parsed['ipam']['routes']>[number], index: number): Route => {
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

const parses = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

const withoutUndefined = <T extends object>(value: T): object =>
  Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
