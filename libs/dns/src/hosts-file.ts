/** The file of an attachment: a line for each address, as dnsmasq reads them, below a comment that says whose they are. Pure. */
import type { Entry } from './model.ts';

/** JSON holds no line break outside of its quotes, and escapes those inside. */
export const hostsFileOf = (entry: Entry): string =>
  [`# ${JSON.stringify(entry)}`, ...entry.addresses.map((address) => [address, ...entry.names].join(' ')), ''].join(
    '\n',
  );

/** Undefined for a file that this library did not write. */
export function entryIn(text: string): Entry | undefined {
  const [first = ''] = text.split('\n', 1);
  if (!first.startsWith('# {')) return undefined;
  try {
    return JSON.parse(first.slice(2)) as Entry;
  } catch {
    return undefined;
  }
}
