import { shown } from '@flatnet/cni';
import { refuse } from './field.ts';

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/;

/** A MAC in its one spelling; undefined for an absent or empty one. @throws CniError code 7 that names the field. */
export function macOf(field: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (!MAC.test(mac) || text.length !== 17) refuse(`${field} is ${shown(text)}: give six bytes as 02:00:00:00:00:01`);
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1 || mac === '00:00:00:00:00:00') {
    refuse(`${field} is ${shown(text)}: give a unicast address, whose first byte is even`);
  }
  return mac;
}
