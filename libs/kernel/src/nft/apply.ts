import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Run, type RunResult, ToolError, type ToolErrorKind } from '@flatnet/exec';
import type { NftCommand, NftJson, NftObject } from './commands.ts';

export interface ApplyOptions {
  readonly signal?: AbortSignal;
  /** What the transaction is for, in the words of an error message: "publish the ports of web". */
  readonly doing?: string;
  /** A transaction that the kernel calls busy is not repeated: it was a guess, and busy is its answer. */
  readonly isGuess?: boolean;
}

/** How often a transaction that nft calls busy is sent again. */
const BUSY_RETRIES = 5;
const STDERR_LIMIT = 400;

const KINDS: readonly (readonly [RegExp, ToolErrorKind])[] = [
  [/resource busy|interrupted system call/i, 'busy'],
  [/no such file or directory|does not exist/i, 'not-found'],
  [/file exists|conflicting intervals|interval overlaps/i, 'exists'],
];

const failure = (result: RunResult, doing: string): ToolError => {
  const words = result.stderr.trim().slice(0, STDERR_LIMIT);
  if (result.ending === 'timeout' || result.ending === 'overflow' || result.ending === 'aborted') {
    return new ToolError('nft', result.ending, doing, words || `nft was stopped (${result.ending})`);
  }
  const kind = KINDS.find(([pattern]) => pattern.test(result.stderr))?.[1] ?? 'failed';
  return new ToolError('nft', kind, doing, words || `nft ended with code ${result.exitCode ?? 'none'}`);
};

/** The kernel takes no single argument over 128 KiB, and about 2 MiB of all together with the environment. */
const ARGUMENT_LIMIT = 120_000;
const ARGUMENTS_LIMIT = 1_500_000;

/**
 * The transaction as arguments of nft, which joins them with blanks; split between commands only. Undefined when it is too long.
 *
 * Not by stdin: `nft -f -` opens /dev/stdin by name, which fails with "No such device or address" because a child's stdin made by
 * node:child_process is a socket.
 */
const asArguments = (commands: readonly NftCommand[]): string[] | undefined => {
  const args: string[] = [];
  let current = '{"nftables":[';
  let total = 0;
  for (const [index, command] of commands.entries()) {
    const text = JSON.stringify(command) + (index === commands.length - 1 ? ']}' : ',');
    if (current.length > 0 && current.length + text.length > ARGUMENT_LIMIT) {
      args.push(current);
      current = '';
    }
    total += text.length;
    if (text.length > ARGUMENT_LIMIT || total > ARGUMENTS_LIMIT) return undefined;
    current += text;
  }
  return [...args, current];
};

/** Runs `work` with the arguments that hand `commands` to nft: inline, or as a private file when they are too long for that. */
const withTransaction = async (
  commands: readonly NftCommand[],
  work: (args: readonly string[]) => Promise<unknown>,
): Promise<void> => {
  const inline = asArguments(commands);
  if (inline !== undefined) {
    await work(['-j', ...inline]);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'flatnet-nft-'));
  try {
    const file = join(folder, 'transaction.json');
    writeFileSync(file, JSON.stringify({ nftables: commands }), { mode: 0o600, flag: 'wx' });
    await work(['-j', '-f', file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const attempt = async (
  run: Run,
  args: readonly string[],
  doing: string,
  { signal, isGuess = false }: Pick<ApplyOptions, 'signal' | 'isGuess'>,
): Promise<string> => {
  for (let retry = 0; ; retry += 1) {
    const result = await run('nft', args, {
      ...(signal === undefined ? {} : { signal }),
      maxBytes: 64 << 20,
    });
    if (result.ending === 'exit' && result.exitCode === 0) return result.stdout;
    const error = failure(result, doing);
    if (error.kind !== 'busy' || isGuess || retry >= BUSY_RETRIES) throw error;
    // Parallel transactions meet in the kernel; jitter keeps them from meeting again (podman#23404).
    await delay(2 ** retry * (1 + Math.random() * 4), undefined, signal === undefined ? {} : { signal });
  }
};

/**
 * Sends `commands` as one transaction: all of it happens, or nothing. Busy transactions are repeated whole, up to five times.
 *
 * Throws ToolError: kind `not-found` (a table, chain, map or element is missing), `exists` (a `create`, or an `add` of a map element
 * with another value), `busy`, `failed`, `missing` (no nft).
 *
 * A transaction that deletes or flushes costs 8 to 16 ms more than one that only adds: the kernel lets nft's socket close only after
 * an RCU grace period (measured, Linux 6.18). The hot path therefore adds only.
 */
export const applyNft = async (
  run: Run,
  commands: readonly NftCommand[],
  options: ApplyOptions = {},
): Promise<void> => {
  if (commands.length === 0) return;
  const doing = options.doing ?? 'apply a transaction';
  await withTransaction(commands, (args) => attempt(run, args, doing, options));
};

/**
 * Applies commands in nft's own language: only for texts that are constants of this library. nft 1.0.6 cannot say in JSON that a map's
 * values are a concatenation (it makes a set of it without a word).
 */
export const applyFixedText = async (run: Run, text: string, options: ApplyOptions = {}): Promise<void> => {
  await attempt(run, [text], options.doing ?? 'apply a transaction', options);
};

/**
 * Applies `quick`, which adds elements to things that are there as a rule, and only when something of them is missing (first call of
 * this boot, `nft flush ruleset`) or different, `full`, which builds everything. Both are one transaction.
 */
export const ensureNft = async (
  run: Run,
  quick: readonly NftCommand[],
  full: () => readonly NftCommand[],
  options: ApplyOptions = {},
): Promise<void> => {
  try {
    await applyNft(run, quick, options);
  } catch (error) {
    if (!(error instanceof ToolError) || (error.kind !== 'not-found' && error.kind !== 'exists')) throw error;
    await applyNft(run, full(), options);
  }
};

/**
 * Sends `commands` as `applyNft` does, and lists one chain of the same table in the same start of nft.
 *
 * @returns the listed objects; undefined where this nft printed none, which says nothing of the chain.
 */
export const applyAndListChain = async (
  run: Run,
  commands: readonly NftCommand[],
  { family, table, chain }: { readonly family: string; readonly table: string; readonly chain: string },
  options: ApplyOptions = {},
): Promise<readonly NftObject[] | undefined> => {
  const doing = options.doing ?? 'apply a transaction';
  let printed = '';
  await withTransaction(
    [...commands, { list: { chain: { family, table, name: chain } } }],
    async ([flag = '', ...args]) => {
      // Terse: nft would fetch every element of the table otherwise.
      printed = await attempt(run, [flag, '-t', ...args], doing, options);
    },
  );
  try {
    return printed.trim() === '' ? undefined : asObjects(printed, doing);
  } catch {
    return undefined;
  }
};

const asObjects = (stdout: string, doing: string): readonly NftObject[] => {
  const parsed: unknown = JSON.parse(stdout);
  const list = typeof parsed === 'object' && parsed !== null ? (parsed as { nftables?: unknown }).nftables : undefined;
  if (!Array.isArray(list)) throw new ToolError('nft', 'failed', doing, 'the answer has no "nftables" list');
  return list as readonly NftObject[];
};

const query = async (run: Run, args: readonly string[], doing: string, signal?: AbortSignal) => {
  try {
    const stdout = await attempt(run, args, doing, { ...(signal === undefined ? {} : { signal }) });
    return stdout.trim() === '' ? [] : asObjects(stdout, doing);
  } catch (error) {
    if (error instanceof ToolError && error.kind === 'not-found') return undefined;
    throw error;
  }
};

/** What to list: a whole table (`terse`: without the elements of sets and maps), one chain (`terse`: its rules may be left out), or one set or map with its elements. */
export type NftListing =
  | { readonly family: string; readonly table: string; readonly terse?: boolean }
  | { readonly family: string; readonly table: string; readonly chain: string; readonly terse?: boolean }
  | { readonly family: string; readonly table: string; readonly map: string };

/** The objects of a table, chain or map as nft prints them (`metainfo` included), or undefined when it does not exist. */
export const listNft = (
  run: Run,
  what: NftListing,
  options: ApplyOptions = {},
): Promise<readonly NftObject[] | undefined> => {
  const { family, table } = what;
  const doing = options.doing ?? `list table ${family} ${table}`;
  if ('map' in what) return query(run, ['-j', 'list', 'map', family, table, what.map], doing, options.signal);
  const flags = what.terse === true ? ['-j', '-t'] : ['-j'];
  if ('chain' in what) return query(run, [...flags, 'list', 'chain', family, table, what.chain], doing, options.signal);
  return query(run, [...flags, 'list', 'table', family, table], doing, options.signal);
};

/** Every object of a table, or undefined when there is no such table. */
export const listNftTable = (
  run: Run,
  family: string,
  table: string,
  options: ApplyOptions = {},
): Promise<readonly NftObject[] | undefined> => listNft(run, { family, table }, options);

/** The elements of one listed map or set. */
export const elementsOf = (objects: readonly NftObject[], name: string): readonly NftJson[] => {
  for (const object of objects) {
    const holder = (object['map'] ?? object['set']) as NftObject | undefined;
    if (holder?.['name'] === name) return (holder['elem'] ?? []) as readonly NftJson[];
  }
  return [];
};
