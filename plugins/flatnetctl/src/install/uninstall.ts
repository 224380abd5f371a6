import { renameSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { DEFAULT_DATA_DIR } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import { applyNft, type Nft } from '@flatnet/kernel';
import { unregisterAll } from '@flatnet/dns';
import { unlimitAll } from '@flatnet/shaping';
import { readDirectory, removeFile } from '../conflist/directory.ts';
import { problem, refused } from '../failure.ts';
import { asking } from '../limit/shaping.ts';
import { removeNetwork } from '../network/remove.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { DROP_IN_NAMES } from './drop-in-names.ts';
import { usersOfNames } from './drop-in.ts';
import { dropRecord, isDigest, markOf, readRecord, writeRecord, type InstalledFile } from './record.ts';

/** Whole tables of ours. Others' are never touched. */
const TABLES = [
  { family: 'inet', name: 'flatnet' },
  { family: 'inet', name: 'flatnet_hostport' },
  { family: 'inet', name: 'flatnet_dns' },
  { family: 'inet', name: 'flatnet_policy' },
  { family: 'bridge', name: 'flatnet' },
] as const;

/** Leases and logs: both are of this boot only. */
const RUNTIME_DIRECTORIES = [DEFAULT_DATA_DIR, '/run/flatnet'];

export interface UninstallOutcome {
  readonly removed: readonly string[];
  /** Names that lead to the file from before again. */
  readonly restored: readonly string[];
  /** Names that a package took back by an upgrade: its newer file stays. */
  readonly left: readonly string[];
  /** Recorded files that have changed since: they stay. */
  readonly kept: readonly string[];
}

type Fate = 'remove' | 'restore' | 'undone' | 'left' | 'kept' | 'gone';

/** Removes what the record names, as far as it is still what was installed, and brings back what had made room. */
export function uninstall(stateDir: string, dryRun: boolean): UninstallOutcome {
  const files = readRecord(stateDir);
  const fates = dryRun ? fatesOf(files) : takeAway(files);
  const kept = fates.filter(({ fate }) => fate === 'kept').map(({ file }) => file);
  if (!dryRun && files.length > 0) {
    if (kept.length === 0) dropRecord(stateDir);
    else writeRecord(stateDir, kept);
  }
  const pathsOf = (wanted: Fate): string[] => fates.filter(({ fate }) => fate === wanted).map(({ file }) => file.path);
  return {
    ...{ removed: pathsOf('remove'), restored: pathsOf('restore'), left: pathsOf('left') },
    kept: kept.map(({ path }) => path),
  };
}

interface Fated {
  readonly file: InstalledFile;
  readonly fate: Fate;
}

/**
 * `undone`: the link of a drop-in was never made. `left`: a newer file is in its place. Of both only the old file's second name is to
 * go.
 */
function fatesOf(files: readonly InstalledFile[]): readonly Fated[] {
  const seen = new Map<string, string>();
  return files.map((file) => {
    const { path, mark, aside } = file;
    const now = markOf(path, seen);
    const isKeptAside = aside !== undefined && markOf(aside.path, seen) === aside.mark;
    if (isKeptAside && (now === mark || now === undefined)) return { file, fate: 'restore' };
    if (aside !== undefined && now === aside.mark) return { file, fate: 'undone' };
    if (now === undefined) return { file, fate: 'gone' };
    if (aside !== undefined && now !== mark && isDigest(now)) return { file, fate: 'left' };
    return { file, fate: now === mark ? 'remove' : 'kept' };
  });
}

/** The files' removal; what cannot be told from another's stays. @throws OperatorError */
export function takeAway(files: readonly InstalledFile[]): readonly Fated[] {
  const fates = fatesOf(files);
  for (const { file, fate } of fates) {
    if (fate === 'remove') removeFile(file.path);
    if (fate === 'undone' || fate === 'left') dropAside(file);
    if (fate === 'restore') bringBack(file);
  }
  return fates;
}

/** Another file than the recorded one is not flatnet's. */
function dropAside({ aside }: InstalledFile): void {
  if (aside !== undefined && markOf(aside.path) === aside.mark) removeFile(aside.path);
}

function bringBack({ path, aside }: InstalledFile): void {
  if (aside === undefined) return;
  try {
    renameSync(aside.path, path);
  } catch (error) {
    throw refused('restore', path, error);
  }
}

/** Refuses while a container has an interface of what goes away: its network would break under it. @throws OperatorError */
export async function refuseIfUsed(
  world: World,
  places: Places,
  names: readonly string[],
  doing: string,
): Promise<void> {
  const users = await usersOfNames(world, places, names);
  if (users.length === 0) return;
  throw problem(`containers still use ${names.join(', ')}: ${users.join(', ')}`, `stop them, or ${doing} --force`);
}

/**
 * Refuses while a network's file names a plugin that nothing brings back: Podman puts `dnsname` into networks that it creates while there
 * is one, and takes no network for valid whose plugin is missing.
 *
 * @throws OperatorError
 */
export function refuseIfNamed({ netDir }: Pick<Places, 'netDir'>, stateDir: string): void {
  const lost = readRecord(stateDir)
    .filter(({ path, aside }) => aside === undefined && DROP_IN_NAMES.some((name) => name === basename(path)))
    .map(({ path }) => basename(path));
  for (const { path, network } of readDirectory(netDir).files) {
    const name = network.plugins.flatMap(({ type }) => (lost.includes(String(type)) ? [String(type)] : []))[0];
    if (name === undefined) continue;
    const next = `take ${name} out of ${path}, or remove the network, or flatnetctl uninstall --force`;
    throw problem(`network ${network.name} names the plugin ${name}, which nothing brings back`, next);
  }
}

/** The names whose users would lose their plugin: ours, and the reference's where `files` hold drop-ins. */
export const namesThatGo = (stateDir: string): readonly string[] => {
  const installed = readRecord(stateDir).map(({ path }) => basename(path));
  return [
    'flatnet',
    'flatnet-ipam',
    'flatnet-portmap',
    'flatnet-bandwidth',
    'flatnet-tuning',
    'flatnet-dns',
    'flatnet-firewall',
    ...DROP_IN_NAMES.filter((name) => installed.includes(name)),
  ];
};

/** Removes the networks that flatnetctl made, all tables, leases and logs. The plugins must still be there. */
export async function purge(world: World, places: Places, dryRun: boolean): Promise<readonly string[]> {
  const own = readDirectory(places.netDir).files.filter(({ network }) => network.created !== undefined);
  for (const file of own) if (!dryRun) await removeNetwork(world, places, file, { force: true, dryRun });
  if (!dryRun) {
    for (const table of TABLES) await deleteTable(world.kernel.nft, table);
    const { wire, records } = world.shaping();
    asking('end limits of bandwidth', () => unlimitAll(wire, records));
    await unregisterAll(world.names.open());
    RUNTIME_DIRECTORIES.forEach((directory) => rmSync(directory, { recursive: true, force: true }));
  }
  return [
    ...own.map(({ network }) => `network ${network.name}`),
    ...TABLES.map(({ family, name }) => `nft table ${family} ${name}`),
    ...RUNTIME_DIRECTORIES,
  ];
}

/** No such table is success. */
async function deleteTable(nft: Nft, table: (typeof TABLES)[number]): Promise<void> {
  await applyNft(nft, [{ delete: { table } }]).catch((error: unknown) => {
    if (!(error instanceof ToolError)) throw error;
  });
}
