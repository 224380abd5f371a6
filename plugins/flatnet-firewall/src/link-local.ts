import { parseIp } from '@flatnet/addressing';

/** The address that the kernel makes of a MAC (RFC 4291, appendix A). @param mac `02:00:00:00:00:01` */
export function linkLocalOf(mac: string): string {
  const [first = 0, ...bytes] = mac.split(':').map((part) => Number.parseInt(part, 16));
  const eui = [first ^ 0x02, ...bytes.slice(0, 2), 0xff, 0xfe, ...bytes.slice(2)];
  const hex = eui.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return String(parseIp(`fe80::${(hex.match(/.{4}/g) ?? []).join(':')}`));
}
