/** `snatAddress`: the fixed source address of outbound traffic, at most one of each family. Pure. */
import type { Ip } from '@flatnet/addressing';
import { shown } from '@flatnet/cni';
import { list, refuse } from './field.ts';
import { addressOf, isMulticast } from './mappings.ts';

/** @throws CniError code 7 that names the field. */
export const snatAddressesOf = (value: string | readonly string[] | undefined, ipMasq: boolean): readonly Ip[] => {
  const given = list(value).map((text) => {
    const ip = addressOf('snatAddress', text);
    if (ip.value === 0n || isMulticast(ip)) refuse(`snatAddress is ${shown(text)}: not an address of a host`);
    return ip;
  });
  if (given.length > 0 && !ipMasq) refuse('snatAddress has no meaning without ipMasq: set that to true, or remove it');
  if (new Set(given.map(({ family }) => family)).size < given.length) {
    refuse('snatAddress has two addresses of one family: give one of each at most');
  }
  return given;
};
