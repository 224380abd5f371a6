/**
 * The redirection of what a container sends, by nftables:
 *
 *   table netdev flatnet_shape {
 *     chain s_<network>_<attachment> { type filter hook ingress device HOST priority -450;
 *       ip daddr 10.0.0.0/8 return        what passes freely, and
 *       fwd to IFB                        all the rest
 *     }
 *   }
 *
 * A chain outlives its device (Linux 6.18), and one that leads to a link that is gone drops all: it goes before the ifb.
 */
import { ENOENT, ERESTART } from '@flatnet/sys';
import { type Message, NetlinkError } from '@flatnet/netlink';
import { addChain, deleteChain, getChain, listChains } from '@flatnet/netlink/nft/chain';
import type { Expression } from '@flatnet/netlink/nft/expression';
import { getGeneration } from '@flatnet/netlink/nft/generation';
import { addRule, flushChain, listRules } from '@flatnet/netlink/nft/rule';
import { isSameRule } from '@flatnet/netlink/nft/same-rule';
import { addTable, deleteTable, getTable } from '@flatnet/netlink/nft/table';
import { be16, ip, mask, native32 } from '@flatnet/netlink/nft/value';
import { isUnsupported, unless } from './error.ts';
import type { Exemption, OwnerKey } from './model.ts';
import { chainName, TABLE } from './names.ts';
import type { Nft } from './wire.ts';

/** Before all that could change or drop the packet. */
const PRIORITY = -450;
/** linux/if_ether.h; offset and length of the destination in the header. */
const FAMILIES = { 4: { type: 0x0800, offset: 16, length: 4 }, 6: { type: 0x86dd, offset: 24, length: 16 } } as const;

const destined = (subnet: string): readonly Expression[] => {
  const [address = '', prefix = ''] = subnet.split('/');
  const { type, offset, length } = FAMILIES[subnet.includes(':') ? 6 : 4];
  const bits = mask(Number(prefix), length);
  const isFamily: readonly Expression[] = [
    { kind: 'meta', key: 'protocol', to: 1 },
    { kind: 'cmp', from: 1, op: 'eq', value: be16(type) },
  ];
  if (prefix === '0') return isFamily;
  return [
    ...isFamily,
    { kind: 'payload', base: 'network', offset, length, to: 1 },
    { kind: 'bitwise', from: 1, to: 1, length, mask: bits, xor: new Uint8Array(length) },
    { kind: 'cmp', from: 1, op: 'eq', value: ip(address) },
  ];
};

/** The rules of a chain that sends packets to the link `ifbIndex`. */
export function rulesOf(ifbIndex: number, exemption?: Exemption): readonly (readonly Expression[])[] {
  const forward: readonly Expression[] = [
    { kind: 'immediate', to: 1, value: native32(ifbIndex) },
    { kind: 'fwd', from: 1 },
  ];
  const { mode, subnets } = exemption ?? { mode: 'unshaped', subnets: [] };
  if (mode === 'shaped') return subnets.map((subnet) => [...destined(subnet), ...forward]);
  return [...subnets.map((subnet) => [...destined(subnet), { kind: 'verdict', verdict: 'return' } as const]), forward];
}

/** What a redirection needs: whose, on which device, to which link. */
export interface ChainSpec {
  readonly owner: OwnerKey;
  readonly device: string;
  readonly ifbIndex: number;
  readonly exemption?: Exemption | undefined;
}

/** Makes the chain what it should be, in one transaction. @returns false: the kernel cannot do this. @throws NetlinkError, SysError. */
export function setChain(nft: Nft, spec: ChainSpec): boolean {
  for (let tries = 3; ; tries -= 1) {
    try {
      const removal = isSet(nft, spec) ? undefined : removalOf(nft, spec.owner);
      if (removal === undefined) return true;
      return build(nft, spec, removal);
    } catch (error) {
      if (isRemovalLost(error) && tries > 0) continue;
      if (!isUnsupported(error)) throw error;
      return false;
    }
  }
}

/** The chain that was to be replaced went away meanwhile, with its table or without. */
class RemovalLost extends Error {}
const isRemovalLost = (error: unknown): boolean => error instanceof RemovalLost;

function build(nft: Nft, { owner, device, ifbIndex, exemption }: ChainSpec, removal: readonly Message[]): boolean {
  const at = { ...TABLE, chain: chainName(owner) };
  const base = { type: 'filter', hook: 'ingress', priority: PRIORITY, policy: 'accept', device } as const;
  const messages = [
    addTable(TABLE),
    ...removal,
    addChain({ ...at, base }),
    ...rulesOf(ifbIndex, exemption).map((expressions) => addRule({ ...at, expressions })),
  ];
  try {
    nft.commit(messages);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.index >= 1 && error.index <= removal.length) throw new RemovalLost();
    throw error;
  }
}

/** Messages that take away what has the chain's name. */
function removalOf(nft: Nft, owner: OwnerKey): readonly Message[] {
  const at = { ...TABLE, chain: chainName(owner) };
  return nft.find(getChain(at), ENOENT) === undefined ? [] : [flushChain(at), deleteChain(at)];
}

/** Whether the chain is in force as it should be. */
export function isSet(nft: Nft, { owner, device, ifbIndex, exemption }: ChainSpec): boolean {
  const at = { ...TABLE, chain: chainName(owner) };
  const base = nft.find(getChain(at), ENOENT)?.base;
  if (base?.device !== device || base.hook !== 'ingress') return false;
  const wanted = rulesOf(ifbIndex, exemption);
  const present = nft.dump(listRules(at));
  return (
    present.length === wanted.length &&
    present.every((rule, index) => isSameRule(rule, { expressions: wanted[index] ?? [] }))
  );
}

/** Each try that fails is one that another call has won. */
const CLEAR_TRIES = 50;

/**
 * Takes the chain away, and the table with the last one. Success where there is none, or no nf_tables.
 *
 * The last chain goes in one transaction with the table, so that a killed call leaves no empty table. Of two calls that each see the
 * other's chain, one comes after the other here and sees an empty table.
 */
export function clearChain(nft: Nft, owner: OwnerKey): void {
  try {
    for (let tries = CLEAR_TRIES; tries > 0; tries -= 1) if (clearStep(nft, owner)) return;
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

/** One transaction. @returns whether nothing is left to do. */
function clearStep(nft: Nft, owner: OwnerKey): boolean {
  const generation = nft.find(getGeneration()) ?? 0;
  const uses = nft.find(getTable(TABLE), ENOENT)?.uses;
  if (uses === undefined) return true;
  const at = { ...TABLE, chain: chainName(owner) };
  const isThere = nft.find(getChain(at), ENOENT) !== undefined;
  if (uses === Number(isThere)) {
    return unless([ERESTART, ENOENT], () => nft.commit([deleteTable(TABLE)], { generation }));
  }
  if (!isThere) return true;
  unless([ENOENT], () => nft.commit([flushChain(at), deleteChain(at)]));
  return false;
}

/** The names of all chains of our table; none where the kernel has no nf_tables. */
export function chainNames(nft: Nft): readonly string[] {
  try {
    return nft.dump(listChains(TABLE)).map(({ chain }) => chain);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return [];
  }
}
