/** What this kernel lacks, found by asking for things that it refuses in any case. Changes nothing. */
import { ENOENT, EOPNOTSUPP } from '@flatnet/sys';
import { NetlinkError } from '@flatnet/netlink';
import { probeLinkKind } from '@flatnet/netlink/route/new-link';
import { addChain, deleteChain } from '@flatnet/netlink/nft/chain';
import { addRule } from '@flatnet/netlink/nft/rule';
import { addTable } from '@flatnet/netlink/nft/table';
import { probeQdisc } from '@flatnet/netlink/route/qdisc';
import { isUnsupported } from './error.ts';
import { rulesOf } from './chain.ts';
import type { Part } from './parts.ts';
import type { Wire } from './wire.ts';

const LOOPBACK = 1;

/**
 * Filters and their actions cannot be asked for without a change: a limit that needs them finds out.
 *
 * @param bySubnets whether some subnets shall pass freely. @throws NetlinkError, SysError: the kernel cannot be asked.
 */
export function missingParts(wire: Wire, bySubnets = false): readonly Part[] {
  const missing: Part[] = [];
  for (const kind of ['tbf', 'fq_codel', ...(bySubnets ? (['htb'] as const) : [])] as const) {
    if (refusalOf(() => wire.host.request(probeQdisc(LOOPBACK, kind))) === ENOENT) missing.push(kind);
  }
  if (refusalOf(() => wire.host.request(probeLinkKind('ifb'))) === EOPNOTSUPP) missing.push('ifb');
  if (!hasForward(wire)) missing.push('nft_fwd_netdev');
  return missing;
}

/** The number of the kernel's refusal. */
function refusalOf(ask: () => void): number | undefined {
  try {
    ask();
    return undefined;
  } catch (error) {
    if (error instanceof NetlinkError) return error.errno;
    throw error;
  }
}

/** A transaction that ends with a chain that is not there happens not at all, but every refusal in it is told. */
function hasForward({ nft }: Wire): boolean {
  const table = { family: 'netdev', table: 'flatnet_probe' } as const;
  const at = { ...table, chain: 'c' };
  const [expressions = []] = rulesOf(LOOPBACK);
  try {
    const refused = nft.attempt([
      addTable(table),
      addChain(at),
      addRule({ ...at, expressions }),
      deleteChain({ ...table, chain: 'none' }),
    ]);
    return refused.every(({ index }) => index === 3);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return false;
  }
}
