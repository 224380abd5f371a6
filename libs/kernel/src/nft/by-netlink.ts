/** nf_tables from within this process. Only a listing that has no form here starts the program `nft`. */
import { type Run, ToolError, type ToolErrorKind } from '@flatnet/exec';
import { find, get, NetlinkError, type Socket } from '@flatnet/netlink';
import { commit } from '@flatnet/netlink/nft/batch';
import { getChain } from '@flatnet/netlink/nft/chain';
import type { Family } from '@flatnet/netlink/nft/family';
import { compileCommands } from '@flatnet/netlink/nft/json/compile';
import { elementTypes } from '@flatnet/netlink/nft/json/elements';
import { type Json, UnsupportedJson } from '@flatnet/netlink/nft/json/json';
import { getSet } from '@flatnet/netlink/nft/set';
import { ENOENT, SysError, SysUnavailable } from '@flatnet/sys';
import type { NftObject } from './commands.ts';
import type { Nft, NftListing, NftOptions } from './nft.ts';

/**
 * @param open opens the socket at the first call, in the namespace of the rules; it stays open.
 * @param run starts the program, in the same namespace.
 * @param always ends all work where it aborts; each call may have a signal of its own too.
 */
export function nftByNetlink(open: () => Socket, run: Run, always?: AbortSignal): Nft {
  let opened: Socket | undefined;
  const ask = async <T>(
    doing: string,
    signal: AbortSignal | undefined,
    work: (socket: Socket) => T | Promise<T>,
  ): Promise<T> => {
    if (signal?.aborted === true || always?.aborted === true)
      throw new ToolError('nft', 'aborted', doing, 'the command was cut short');
    try {
      return await work((opened ??= open()));
    } catch (error) {
      throw failureOf(error, doing);
    }
  };
  return {
    apply: (commands, { doing = 'apply a transaction', signal } = {}) =>
      ask(doing, signal, (socket) => {
        const typesOf = (set: Parameters<typeof getSet>[0]) => elementTypes(get(socket, getSet(set)));
        commit(socket, compileCommands(commands as readonly Json[], typesOf).messages);
      }),
    list: (what, options = {}) =>
      ask(options.doing ?? `list table ${what.family} ${what.table}`, options.signal, (socket) =>
        listOf(socket, run, what, options),
      ),
    countUses: (table, chains, { doing = `look at table ${table.family} ${table.table}`, signal } = {}) =>
      ask(doing, signal, (socket) =>
        chains.map((chain) => find(socket, getChain({ ...table, chain }), ENOENT)?.uses ?? 0),
      ),
    listChains: ({ doing = 'list the chains', signal } = {}) =>
      ask(doing, signal, async (socket) => (await printer()).printChains(socket) as readonly NftObject[]),
  };
}

/** What only listings need is loaded by them. */
const printer = () => import('@flatnet/netlink/nft/json/print');

async function listOf(
  socket: Socket,
  run: Run,
  what: NftListing,
  options: NftOptions,
): Promise<readonly NftObject[] | undefined> {
  const { printChain, printSet, printTable } = await printer();
  const at = { family: what.family as Family, table: what.table };
  try {
    const objects =
      'map' in what
        ? printSet(socket, { ...at, set: what.map })
        : 'chain' in what
          ? printChain(socket, { ...at, chain: what.chain }, what.terse === true)
          : printTable(socket, at, what.terse === true);
    return objects as readonly NftObject[] | undefined;
  } catch (error) {
    if (!(error instanceof UnsupportedJson)) throw error;
    return (await import('./by-program.ts')).listByProgram(run, what, options);
  }
}

const KINDS: Readonly<Record<string, ToolErrorKind>> = {
  ENOENT: 'not-found',
  EEXIST: 'exists',
  EBUSY: 'busy',
  EINTR: 'busy',
  ETIMEDOUT: 'timeout',
};

/** The words of nft. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EEXIST: 'File exists',
  EBUSY: 'Device or resource busy',
  EINTR: 'Interrupted system call',
  EPERM: 'Operation not permitted',
  EOPNOTSUPP: 'Operation not supported',
  EINVAL: 'Invalid argument',
  ENOMEM: 'Cannot allocate memory',
};

function failureOf(error: unknown, doing: string): unknown {
  if (error instanceof SysUnavailable) return new ToolError('nft', 'missing', doing, error.message);
  if (!(error instanceof NetlinkError) && !(error instanceof SysError)) return error;
  const { code } = error;
  const reason = error instanceof NetlinkError && error.reason !== undefined ? ` (${error.reason})` : '';
  const what = error instanceof NetlinkError ? error.request : error.message;
  const said =
    code === 'ETIMEDOUT' ? error.message : `Could not process rule: ${WORDS[code] ?? code}${reason}: ${what}`;
  return new ToolError('nft', KINDS[code] ?? 'failed', doing, said);
}
