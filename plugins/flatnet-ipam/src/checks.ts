import { AddressError, parseCidr, parseIp, parseIpOrCidr } from '@flatnet/addressing';

export const MAX_COOLDOWN_SECONDS = 86_400;

/** What a text of the configuration must be; the schema and its shape share them. */
export const checks = {
  address: (text: string): boolean => parses(() => parseIpOrCidr(text)),
  destination: (text: string): boolean => parses(() => parseCidr(text)),
  // Go writes an empty string for "not given", here and below.
  gateway: (text: string): boolean => text === '' || parses(() => parseIp(text)),
  path: (text: string): boolean => text === '' || text.startsWith('/'),
} as const;

function parses(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof AddressError) return false;
    throw error;
  }
}
