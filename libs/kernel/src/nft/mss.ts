/**
 * `clampMSS`: TCP connections of this network announce no larger segments than their route carries. Where a tunnel or VPN is smaller
 * than the container believes, and "fragmentation needed" is filtered, connections would otherwise hang after the handshake.
 *
 *   table inet flatnet { chain mss_<network> { type filter hook forward priority -150; ip saddr SUBNET tcp flags syn … set rt mtu } }
 */
import type { Run } from '@flatnet/exec';
import { applyNft } from './apply.ts';
import {
  add,
  chain,
  flush,
  match,
  type NftCommand,
  type NftJson,
  payload,
  prefix,
  remove,
  rule,
  table,
} from './commands.ts';
import { subnetsOfChain } from './rule-subnets.ts';

const TABLE = { family: 'inet', table: 'flatnet' } as const;
const MANGLE_PRIORITY = -150;
/** `mss_<tag of the network>` */
export const clampChain = (tag: string): string => `mss_${tag}`;

const isSyn = match({ '&': [payload('tcp', 'flags'), { '|': ['syn', 'rst'] }] }, 'syn');
const clamp: NftJson = {
  mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value: { rt: { key: 'mtu' } } },
};

/** Both directions, since either end may be the one behind the small link. */
const DIRECTIONS = ['saddr', 'daddr'] as const;

/** Commands that add the rules of these subnets, and the chain where it is missing. */
export function clampCommands(tag: string, subnets: readonly string[]): readonly NftCommand[] {
  const rules = subnets.flatMap((subnet) => {
    const [address = '', length] = subnet.split('/');
    const protocol = subnet.includes(':') ? 'ip6' : 'ip';
    return DIRECTIONS.map((side) => [match(payload(protocol, side), prefix(address, Number(length))), isSyn, clamp]);
  });
  const base = { type: 'filter', hook: 'forward', prio: MANGLE_PRIORITY, policy: 'accept' } as const;
  return [
    add(table(TABLE)),
    add(chain(TABLE, clampChain(tag), base)),
    ...rules.map((expr) => add(rule(TABLE, clampChain(tag), expr))),
  ];
}

/**
 * Clamps for these subnets beside those of the network's other attachments. Only adds: two attachments that come at once take nothing
 * from each other, and at worst have the same rule twice, which changes nothing.
 *
 * @throws ToolError.
 */
export const clampMss = async (run: Run, tag: string, subnets: readonly string[]): Promise<void> => {
  const named = { doing: 'clamp the segment size' };
  const standing = await subnetsOfChain(run, TABLE, clampChain(tag), named);
  const rulesFor = (subnet: string): number => standing.filter((each) => each === subnet).length;
  const missing = subnets.filter((subnet) => rulesFor(subnet) < DIRECTIONS.length);
  if (missing.length > 0) await applyNft(run, clampCommands(tag, missing), named);
};

/** Fails with `not-found` when it is not there. @throws ToolError. */
export const unclampMss = (run: Run, tag: string): Promise<void> =>
  applyNft(run, [flush(chain(TABLE, clampChain(tag))), remove(chain(TABLE, clampChain(tag)))]);
