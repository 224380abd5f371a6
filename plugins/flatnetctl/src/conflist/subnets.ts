import { AddressError, parseCidr, parseIp, type Cidr } from '@flatnet/addressing';
import type { Network } from './model.ts';
import { ipamOf } from './model.ts';

/** One subnet that a network hands out addresses of. */
export interface ConfiguredSubnet {
  readonly subnet: Cidr;
  readonly gateway?: string;
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
}

/** The subnets of host-local's two spellings (`ipam.subnet`, `ipam.ranges`), which flatnet-ipam shares. Unreadable ones are left out. */
export function subnetsOf(network: Network): readonly ConfiguredSubnet[] {
  const ipam = ipamOf(network);
  const sets: unknown = ipam['ranges'];
  const nested = Array.isArray(sets) ? sets.flatMap((set: unknown) => (Array.isArray(set) ? set : [set])) : [];
  return [ipam, ...nested].flatMap((entry: unknown) => {
    const subnet = subnetOf(entry);
    return subnet === undefined ? [] : [subnet];
  });
}

function subnetOf(entry: unknown): ConfiguredSubnet | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(entry));
  const text = (key: string): string | undefined => {
    const value = fields.get(key);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const subnet = readable(() => parseCidr(text('subnet') ?? ''));
  if (subnet === undefined) return undefined;
  const [gateway, rangeStart, rangeEnd] = [text('gateway'), text('rangeStart'), text('rangeEnd')];
  return {
    subnet,
    ...(gateway === undefined ? {} : { gateway }),
    ...(rangeStart === undefined ? {} : { rangeStart }),
    ...(rangeEnd === undefined ? {} : { rangeEnd }),
  };
}

/** The gateway that containers get: as written, else the first usable address (host-local's rule). */
export const gatewayOf = ({ subnet, gateway }: ConfiguredSubnet): string =>
  gateway === undefined ? String(subnet.firstUsable) : String(readable(() => parseIp(gateway)) ?? gateway);

/** The value, or undefined where a text is no address. */
export function readable<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}
