import { parseCidr } from '@flatnet/addressing';
import { field, isObject, objectField } from './field.ts';

/**
 * The addresses of `prevResult`, in canonical spelling and without prefix length. Hints for DEL, which goes on without them: what cannot
 * be read is left out.
 */
export function attachedAddresses(json: Readonly<Record<string, unknown>>): readonly string[] {
  const ips = field(objectField(json, 'prevResult') ?? {}, 'ips');
  return (Array.isArray(ips) ? ips : []).flatMap((ip: unknown) => {
    const address = isObject(ip) ? field(ip, 'address') : undefined;
    try {
      return typeof address === 'string' ? [String(parseCidr(address).ip)] : [];
    } catch {
      return [];
    }
  });
}
