/**
 * `nft` without the program: calls of `run('nft', …)` that transactions and listings of this library make are answered by netlink, in this
 * process. Everything else, and what netlink's side does not know, still starts the program.
 */
import type { Run, RunResult } from '@flatnet/exec';
import { get, NetlinkError, type Socket } from '@flatnet/netlink';
import { commit } from '@flatnet/netlink/nft/batch';
import type { Family } from '@flatnet/netlink/nft/family';
import { compileCommands } from '@flatnet/netlink/nft/json/compile';
import { type Json, only, UnsupportedJson } from '@flatnet/netlink/nft/json/json';
import { elementTypes } from '@flatnet/netlink/nft/json/elements';
import { getSet } from '@flatnet/netlink/nft/set';
import { SysError, SysUnavailable } from '@flatnet/sys';
import { parseMapCommands } from './map-commands.ts';

/** @param open opens the socket at the first call, in the namespace of the rules; it stays open. */
export function nftInProcess(run: Run, open: () => Socket): Run {
  let socket: Socket | undefined;
  return async (file, args, options) => {
    const request = file === 'nft' ? parse(await withFile(args)) : undefined;
    if (request === undefined) return run(file, args, options);
    if (options?.signal?.aborted === true) return { exitCode: null, stdout: '', stderr: '', ending: 'aborted' };
    try {
      socket ??= open();
      apply(socket, request.commands);
      return request.lists.length === 0 ? succeeded('') : await list(run, socket, request);
    } catch (error) {
      if (error instanceof UnsupportedJson || error instanceof SysUnavailable) return run(file, args, options);
      if (error instanceof NetlinkError || error instanceof SysError) return failed(error);
      throw error;
    }
  };
}

/** A transaction that is too long for arguments is in a file. */
async function withFile(args: readonly string[]): Promise<readonly string[]> {
  const [json, flag, file] = args;
  if (json !== '-j' || flag !== '-f' || file === undefined) return args;
  const { readFile } = await import('node:fs/promises');
  return [json, await readFile(file, 'utf8')];
}

/** What nft is asked: commands to apply, then objects to print. */
interface Request {
  readonly commands: readonly Json[];
  readonly lists: readonly Listing[];
  readonly terse: boolean;
}

interface Listing {
  readonly kind: string;
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

/** Undefined for arguments that this library does not use for its own tables. */
function parse(args: readonly string[]): Request | undefined {
  const terse = args.includes('-t');
  const [json, ...rest] = args.filter((arg) => arg !== '-t');
  if (json !== '-j') {
    const commands = args.length === 1 ? parseMapCommands(args[0] ?? '') : undefined;
    return commands === undefined ? undefined : { commands, lists: [], terse: false };
  }
  if (rest[0] === 'list') return parseListing(rest.slice(1), terse);
  const text = rest.join(' ');
  if (!text.startsWith('{')) return undefined;
  const { nftables } = JSON.parse(text) as { nftables?: readonly Json[] };
  if (!Array.isArray(nftables)) return undefined;
  const listed = nftables.map((command: Json) =>
    only(command)?.[0] === 'list' ? listingOf(only(command)?.[1]) : undefined,
  );
  return {
    commands: (nftables as readonly Json[]).filter((_command, index) => listed[index] === undefined),
    lists: listed.filter((listing) => listing !== undefined),
    terse,
  };
}

function parseListing(
  [kind = '', family = '', table = '', name = '']: readonly string[],
  terse: boolean,
): Request | undefined {
  const isWhole = kind === 'table' && table !== '';
  const isPart = (kind === 'chain' || kind === 'map' || kind === 'set') && name !== '';
  const isAll = kind === 'chains' && family === '';
  return isWhole || isPart || isAll ? { commands: [], lists: [{ kind, family, table, name }], terse } : undefined;
}

function listingOf(object: Json | undefined): Listing | undefined {
  const [kind = '', inner] = only(object) ?? [];
  const { family = '', table, name = '' } = (inner ?? {}) as { family?: string; table?: string; name?: string };
  return { kind, family, table: table ?? name, name };
}

function apply(socket: Socket, commands: readonly Json[]): void {
  commit(socket, compileCommands(commands, (set) => elementTypes(get(socket, getSet(set)))).messages);
}

/** What has no form here is printed by the program; the commands before it have been applied, and are not among its arguments. */
async function list(run: Run, socket: Socket, { lists, terse }: Request): Promise<RunResult> {
  const objects: object[] = [];
  try {
    for (const listing of lists) {
      const printed = await print(socket, listing, terse);
      if (printed === undefined) return { ...succeeded(''), exitCode: 1, stderr: `Error: ${WORDS['ENOENT']}` };
      objects.push(...printed);
    }
  } catch (error) {
    if (!(error instanceof UnsupportedJson)) throw error;
    const commands = lists.map(({ kind, family, table, name }) => ({
      list: { [kind]: kind === 'table' ? { family, name: table } : { family, table, name } },
    }));
    return run('nft', ['-j', ...(terse ? ['-t'] : []), JSON.stringify({ nftables: commands })]);
  }
  return succeeded(JSON.stringify({ nftables: objects }));
}

const succeeded = (stdout: string): RunResult => ({ exitCode: 0, stdout, stderr: '', ending: 'exit' });

/** What only listings need is loaded by them. */
async function print(
  socket: Socket,
  { kind, family, table, name }: Listing,
  terse: boolean,
): Promise<readonly object[] | undefined> {
  const { printChain, printChains, printSet, printTable } = await import('@flatnet/netlink/nft/json/print');
  const at = { family: family as Family, table };
  if (kind === 'chains') return printChains(socket);
  if (kind === 'table') return printTable(socket, at, terse);
  if (kind === 'chain') return printChain(socket, { ...at, chain: name }, terse);
  if (kind === 'map' || kind === 'set') return printSet(socket, { ...at, set: name });
  throw new UnsupportedJson('an object that is not listed', kind);
}

/** The words of nft, by which callers tell errors apart. */
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

function failed(error: NetlinkError | SysError): RunResult {
  if (error.code === 'ETIMEDOUT') return { exitCode: null, stdout: '', stderr: error.message, ending: 'timeout' };
  const words = WORDS[error.code] ?? error.code;
  const reason = error instanceof NetlinkError && error.reason !== undefined ? ` (${error.reason})` : '';
  const what = error instanceof NetlinkError ? error.request : error.message;
  return {
    exitCode: 1,
    stdout: '',
    stderr: `Error: Could not process rule: ${words}${reason}: ${what}`,
    ending: 'exit',
  };
}
