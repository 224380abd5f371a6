/** The keys of a configuration as limits. Pure. */
import { AddressError, parseCidr } from '@flatnet/addressing';
import { shown } from '@flatnet/cni';
import type { Exemption, Limit, Limits } from '@flatnet/shaping';
import { refuse } from './field.ts';
import type { Raw } from './schema.ts';

type Bits = number | undefined;

/** The four keys, by the reference plugin's names: `ingress` is what the container receives. */
export interface RawLimits {
  readonly ingressRate?: Bits;
  readonly ingressBurst?: Bits;
  readonly egressRate?: Bits;
  readonly egressBurst?: Bits;
}

const MOST = 2 ** 63;
/** The kernel counts bytes. */
const LEAST_RATE = 8;
/** In bytes, as the reference plugin has it. */
const BURST_END = 2 ** 32;

/** A zero is an absent key, as in the reference plugin. @throws CniError code 7. */
function wholeBits(field: string, value: Bits): Bits {
  if (value === undefined || value === 0) return undefined;
  if (Number.isInteger(value) && value > 0 && value <= MOST) return value;
  return refuse(`${field} is ${shown(value)}: give a whole number of bits, from 0 to 2^63`);
}

function limitOf(field: string, givenRate: Bits, givenBurst: Bits, fromRuntime: boolean): Limit | undefined {
  const rate = wholeBits(`${field}Rate`, givenRate);
  const burst = wholeBits(`${field}Burst`, givenBurst);
  if (rate === undefined) {
    if (burst === undefined) return undefined;
    return refuse(`${field}Burst is ${burst}: if burst is set, rate must also be set; give ${field}Rate`);
  }
  if (rate < LEAST_RATE) refuse(`${field}Rate is ${rate}: give at least ${LEAST_RATE} bits in a second`);
  // Runtimes send such bursts for "no limit".
  if (burst !== undefined && burst / 8 >= BURST_END && !fromRuntime) {
    refuse(`${field}Burst is ${burst}: burst cannot be more than 4GB; leave it out for one that suits the rate`);
  }
  return { rate, ...(burst === undefined ? {} : { burst }) };
}

function bothOf(prefix: string, raw: RawLimits, fromRuntime: boolean): Limits {
  const down = limitOf(`${prefix}ingress`, raw.ingressRate, raw.ingressBurst, fromRuntime);
  const up = limitOf(`${prefix}egress`, raw.egressRate, raw.egressBurst, fromRuntime);
  return { ...(down === undefined ? {} : { down }), ...(up === undefined ? {} : { up }) };
}

function subnetOf(field: string, text: string): string {
  try {
    const cidr = parseCidr(text);
    const subnet = `${cidr.network}/${cidr.prefix}`;
    if (cidr.ip.value === cidr.network.value) return subnet;
    return refuse(`${field} is ${shown(text)}: it has host bits; give ${subnet}`);
  } catch (error) {
    if (error instanceof AddressError) return refuse(`${field}: ${error.message}`);
    throw error;
  }
}

function exemptionOf({ shapedSubnets = [], unshapedSubnets = [] }: Raw): Exemption | undefined {
  if (shapedSubnets.length > 0 && unshapedSubnets.length > 0) {
    refuse('shapedSubnets and unshapedSubnets exclude each other: give one of them');
  }
  const [mode, given] =
    shapedSubnets.length > 0 ? (['shaped', shapedSubnets] as const) : (['unshaped', unshapedSubnets] as const);
  if (given.length === 0) return undefined;
  return { mode, subnets: [...new Set(given.map((text, index) => subnetOf(`${mode}Subnets[${index}]`, text)))] };
}

/** The conflist's own limits beat those of the runtime as a whole. @throws CniError code 7 that names the field. */
export function limitsOf(raw: Raw): Limits {
  const own = bothOf('', raw, false);
  const hasOwn = own.down !== undefined || own.up !== undefined;
  const limits = hasOwn ? own : bothOf('runtimeConfig.bandwidth.', raw.runtimeConfig?.bandwidth ?? {}, true);
  const exemption = exemptionOf(raw);
  if (limits.down === undefined && limits.up === undefined) {
    // Where the runtime gives rates, a container without one has no limit.
    const perContainer = raw.capabilities?.bandwidth === true || raw.runtimeConfig?.bandwidth !== undefined;
    if (exemption !== undefined && !perContainer) {
      refuse(`${exemption.mode}Subnets has no meaning without a rate: give ingressRate or egressRate`);
    }
    return {};
  }
  return {
    ...limits,
    ...(raw.latency === undefined ? {} : { latency: raw.latency }),
    ...(exemption === undefined ? {} : { exemption }),
  };
}
