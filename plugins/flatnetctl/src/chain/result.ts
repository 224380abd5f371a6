/** Results of ADD as runtimes keep them, in the shape of the newest version whatever version they are of. */
import { CniError, type AddResult } from '@flatnet/cni';
import { decodeOldestResult, decodeResult } from '@flatnet/cni/schema';

const NOTHING: AddResult = { interfaces: [], ips: [], routes: [], dns: {} };

/** A result that cannot be read tells nothing. One without a version is told by its keys: `ip4` and `ip6` are of 0.1.0 and 0.2.0. */
export function readResult(result: Readonly<Record<string, unknown>>): AddResult {
  const isOldest = 'ip4' in result || 'ip6' in result;
  try {
    return isOldest ? decodeOldestResult(result, 'cached result') : decodeResult(result, 'cached result');
  } catch (error) {
    if (error instanceof CniError) return NOTHING;
    throw error;
  }
}

/** The namespace that an interface of the container is in, as the plugins name it. */
export const sandboxOf = ({ interfaces }: AddResult, ifName: string): string | undefined =>
  interfaces.find(({ sandbox, name }) => sandbox !== undefined && name === ifName)?.sandbox;

/** The addresses of one interface of the container, with prefix lengths: plugins later in the chain may have added those of others. */
export function addressesOf(result: AddResult, ifName: string): readonly string[] {
  return result.ips.flatMap(({ address, interface: index }) => {
    const owner = index === undefined ? undefined : result.interfaces[index];
    return owner === undefined || owner.name === ifName ? [address] : [];
  });
}
