/** `runtimeConfig.portMappings`, validated and with every address in its one spelling. Pure. */
import { AddressError, type Cidr, parseCidr, parseHostOrCidr, parseIp, type Ip } from '@flatnet/addressing';
import { shown } from '@flatnet/cni';
import type { Protocol } from '@flatnet/hostport';
import { list, refuse } from './field.ts';
import type { RawMapping } from './schema.ts';

/** Where a mapping listens in one family: on one address, or (no `ip`) on all. */
export interface Listen {
  readonly family: 4 | 6;
  readonly ip?: string;
}

export interface Mapping {
  readonly protocol: Protocol;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly count: number;
  /** Undefined: all addresses of each family that the container has. */
  readonly listen?: readonly Listen[];
  /** CIDRs of both families. */
  readonly allowFrom?: readonly string[];
  /** For messages: the key that says `listen`. */
  readonly field: string;
}

interface Defaults {
  readonly defaultHostIP?: string | string[] | undefined;
  readonly allowFrom?: string | string[] | undefined;
  readonly snat?: boolean | undefined;
}

const PROTOCOLS: readonly string[] = ['tcp', 'udp', 'sctp'];
const LAST_PORT = 65535;

const named = <T>(field: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (error instanceof AddressError) return refuse(`${field}: ${error.message}`);
    throw error;
  }
};

/** @throws CniError code 7 that names the field. */
export const addressOf = (field: string, text: string): Ip => named(field, () => parseIp(text));

/** @throws CniError code 7 that names the field. */
export const cidrOf = (field: string, text: string): Cidr => named(field, () => parseCidr(text));

/** What no host can have as its own, the IPv4 broadcast address included. */
export const isMulticast = (ip: Ip): boolean => (ip.family === 4 ? ip.value >> 28n >= 14n : ip.value >> 120n === 0xffn);

const isLoopback = (ip: Ip): boolean => (ip.family === 4 ? ip.value >> 24n === 127n : ip.value === 1n);

const listenOn = (field: string, text: string, snat: boolean): Listen => {
  const ip = addressOf(field, text);
  if (isMulticast(ip)) refuse(`${field} is ${shown(text)}: not an address of a host`);
  if (ip.value === 0n) return { family: ip.family };
  if (ip.family === 6 && isLoopback(ip)) {
    refuse(`${field} is "::1": IPv6 has no way from the loopback interface to a container; publish on another address`);
  }
  if (isLoopback(ip) && !snat) refuse(`${field} is ${shown(text)}: reaching a container from 127.0.0.0/8 needs snat`);
  return { family: ip.family, ip: ip.toString() };
};

const cidrs = (field: string, value: string | string[] | undefined): readonly string[] | undefined => {
  if (value === undefined) return undefined;
  const texts = list(value).map((text) =>
    named(field, () => {
      const cidr = parseHostOrCidr(text);
      return `${cidr.network}/${cidr.prefix}`;
    }),
  );
  if (texts.length === 0) refuse(`${field} is empty: nobody could connect; remove it, or name a CIDR`);
  return [...new Set(texts)].sort();
};

/** @throws CniError code 7 that names the field. */
export const mappingsOf = (raw: readonly RawMapping[], defaults: Defaults): readonly Mapping[] => {
  const snat = defaults.snat ?? true;
  const preset = list(defaults.defaultHostIP).map((text) => listenOn('defaultHostIP', text, snat));
  const everybody = cidrs('allowFrom', defaults.allowFrom);
  return raw.map((entry, index) => {
    const field = `runtimeConfig.portMappings[${index}]`;
    const protocol = (entry.protocol || 'tcp').toLowerCase();
    if (!PROTOCOLS.includes(protocol)) {
      refuse(`${field}.protocol is ${shown(entry.protocol)}: expected one of tcp, udp, sctp`);
    }
    const count = entry.range ?? 1;
    if (Math.max(entry.hostPort, entry.containerPort) + count - 1 > LAST_PORT) {
      refuse(`${field}.range is ${count}: the last port would be above ${LAST_PORT}`);
    }
    const listen = entry.hostIP ? [listenOn(`${field}.hostIP`, entry.hostIP, snat)] : preset;
    const allowFrom = cidrs(`${field}.allowFrom`, entry.allowFrom) ?? everybody;
    return {
      protocol: protocol as Protocol,
      hostPort: entry.hostPort,
      containerPort: entry.containerPort,
      count,
      field: entry.hostIP ? `${field}.hostIP` : 'defaultHostIP',
      ...(listen.length === 0 ? {} : { listen }),
      ...(allowFrom === undefined ? {} : { allowFrom }),
    };
  });
};
