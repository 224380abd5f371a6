import { ipBytes } from '../text.ts';

/** linux/socket.h */
export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;

export type IpFamily = 4 | 6;

export const addressFamily = (family: IpFamily): number => (family === 4 ? AF_INET : AF_INET6);

/** An address with the length of its prefix. */
export interface Prefix {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly family: number;
}

/** `10.1.2.3/24`, or an address alone, whose prefix is all of it. The bits after the prefix stay. @throws RangeError. */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf('/');
  const bytes = ipBytes(slash < 0 ? text : text.slice(0, slash));
  const bits = bytes.length * 8;
  const digits = slash < 0 ? String(bits) : text.slice(slash + 1);
  const length = Number(digits);
  // One spelling only: Number also takes "+8", "1e1" and blanks.
  if (String(length) !== digits || !(length >= 0 && length <= bits)) throw new RangeError(`not a prefix: ${text}`);
  return { bytes, length, family: bytes.length === 4 ? AF_INET : AF_INET6 };
}
