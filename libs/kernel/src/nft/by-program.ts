/** Listings by the `nft` program: of tables that others made, with statements that netlink's side has no form for. */
import { type Run, type RunResult, ToolError, type ToolErrorKind } from '@flatnet/exec';
import type { NftObject } from './commands.ts';
import type { NftListing, NftOptions } from './nft.ts';

const STDERR_LIMIT = 400;
const MAX_BYTES = 64 << 20;

/** @returns the objects, or undefined where there are none. @throws ToolError. */
export async function listByProgram(
  run: Run,
  what: NftListing,
  { signal, doing = `list table ${what.family} ${what.table}` }: NftOptions,
): Promise<readonly NftObject[] | undefined> {
  const result = await run('nft', wordsOf(what), { ...(signal && { signal }), maxBytes: MAX_BYTES });
  if (result.ending === 'exit' && result.exitCode === 0) return result.stdout.trim() === '' ? [] : read(result, doing);
  if (/no such file or directory|does not exist/i.test(result.stderr)) return undefined;
  throw failureOf(result, doing);
}

function wordsOf(what: NftListing): readonly string[] {
  const { family, table } = what;
  if ('map' in what) return ['-j', 'list', 'map', family, table, what.map];
  const flags = what.terse === true ? ['-j', '-t'] : ['-j'];
  if ('chain' in what) return [...flags, 'list', 'chain', family, table, what.chain];
  return [...flags, 'list', 'table', family, table];
}

function read({ stdout }: RunResult, doing: string): readonly NftObject[] {
  const parsed: unknown = JSON.parse(stdout);
  const list = typeof parsed === 'object' && parsed !== null ? (parsed as { nftables?: unknown }).nftables : undefined;
  if (!Array.isArray(list)) throw new ToolError('nft', 'failed', doing, 'the answer has no "nftables" list');
  return list as readonly NftObject[];
}

function failureOf({ ending, exitCode, stderr }: RunResult, doing: string): ToolError {
  const words = stderr.trim().slice(0, STDERR_LIMIT);
  const isCut = ending === 'timeout' || ending === 'overflow' || ending === 'aborted';
  const kind: ToolErrorKind = isCut ? ending : 'failed';
  const ended = isCut ? `nft was stopped (${ending})` : `nft ended with code ${exitCode ?? 'none'}`;
  return new ToolError('nft', kind, doing, words || ended);
}
