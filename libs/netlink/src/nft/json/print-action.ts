/** Translations and changes. */
import { type Expression, NAT_FLAGS } from '../expression.ts';
import { ICMPX } from './compile-action.ts';
import { metaSource } from './field.ts';
import type { Json, JsonObject } from './json.ts';
import { KINDS } from './kind.ts';
import { DROPPED } from './print-load.ts';
import { say, type State } from './print-state.ts';

export function translate(state: State, { type, family, address, port, flags }: Expression & { kind: 'nat' }): boolean {
  const kind = family === 'ip' ? KINDS.ipv4_addr : KINDS.ipv6_addr;
  const addr = address === undefined ? undefined : state.held.get(address);
  const to = port === undefined ? undefined : state.held.get(port);
  const isMapped = addr !== undefined && 'mapped' in addr;
  if (addr === undefined || !(isMapped || 'constant' in addr)) return false;
  return say(state, {
    [type]: {
      family,
      addr: isMapped ? addr.mapped : kind.print(addr.constant),
      ...(!isMapped && to !== undefined && 'constant' in to ? { port: KINDS.inet_service.print(to.constant) } : {}),
      ...flagsOf(flags),
    },
  });
}

export function flagsOf(flags: number | undefined): JsonObject | undefined {
  if (flags === undefined) return undefined;
  const names: [string, number][] = [
    ['random', NAT_FLAGS.random],
    ['fully-random', NAT_FLAGS.fullyRandom],
    ['persistent', NAT_FLAGS.persistent],
  ];
  const set = names.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  return { flags: set.length === 1 ? (set[0] as string) : set };
}

export function changeOption(state: State, { option, from }: Expression & { kind: 'tcp-option-set' }): boolean {
  const held = state.held.get(from);
  const MAXSEG = 2;
  if (option !== MAXSEG || held === undefined) return false;
  const value: Json | undefined =
    'rt' in held ? { rt: { key: held.rt } } : 'constant' in held ? KINDS.inet_service.print(held.constant) : undefined;
  if (value === undefined) return false;
  dropTcp(state);
  return say(state, { mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value } });
}

/** `reject with tcp reset` does not say what was compared for it, as nft prints it. */
export function printReject(state: State, { type, code }: Expression & { kind: 'reject' }): boolean {
  if (type === 'tcp-reset') return say(state, { reject: { type: 'tcp reset' } });
  const expr = Object.keys(ICMPX).find((name) => ICMPX[name] === code);
  return type === 'icmpx' && expr !== undefined && say(state, { reject: { type: 'icmpx', expr } });
}

/** An option of TCP says itself that the packet is TCP. */
function dropTcp(state: State): void {
  const TCP = 6;
  for (const { layer, protocol, at } of state.implied) {
    if (layer === 4 && protocol === TCP) state.statements[at] = DROPPED;
  }
}

export function changeMeta(state: State, { key, from }: Expression & { kind: 'meta-set' }): boolean {
  const held = state.held.get(from);
  if (held === undefined || !('constant' in held)) return false;
  const { json, kind } = metaSource(key);
  return say(state, { mangle: { key: json, value: kind.print(held.constant) } });
}
