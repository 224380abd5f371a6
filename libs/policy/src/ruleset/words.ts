/** Short ways to write the expressions of this table. Pure. */
import { concat, match, meta, payload, prefix, type NftJson } from '@flatnet/kernel';
import { sha256Hex } from '@flatnet/digest';

export const FAMILIES = [4, 6] as const;
export type Family = (typeof FAMILIES)[number];

export const accept: NftJson = { accept: null };
export const drop: NftJson = { drop: null };
export const returns: NftJson = { return: null };
export const counter: NftJson = { counter: null };
export const goes = (target: string): NftJson => ({ goto: { target } });

export const ip = (family: Family, field: 'saddr' | 'daddr'): NftJson => payload(family === 4 ? 'ip' : 'ip6', field);
export const from = meta('iifname');
export const to = meta('oifname');
export const ct = (key: 'state' | 'status' | 'direction'): NftJson => ({ ct: { key } });
/** What the host's routes say of the destination: `local` is the host itself. */
export const destinationIs = (type: 'local' | 'unicast'): NftJson =>
  match({ fib: { result: 'type', flags: ['daddr'] } }, type);

export const isIn = (field: NftJson, set: string): NftJson => match(field, `@${set}`);
export const isNotIn = (field: NftJson, set: string): NftJson => match(field, `@${set}`, '!=');
export const pair = (...fields: readonly NftJson[]): NftJson => concat(...fields);

/** `10.1.0.0/16` as nft's JSON has it: a single address has no prefix. */
export function subnet(cidr: string): NftJson {
  const [address = '', length] = cidr.split('/');
  const isSingle = Number(length) === (address.includes(':') ? 128 : 32);
  return isSingle ? address : prefix(address, Number(length));
}

/** 12 hex digits that stand for a content. */
export const hashOf = (content: unknown): string => sha256Hex(JSON.stringify(content)).slice(0, 12);
