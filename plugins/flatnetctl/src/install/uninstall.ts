import { rmSync } from 'node:fs';
import type { Run } from '@flatnet/exec';
import { readDirectory, removeFile } from '../conflist/directory.ts';
import { mainPlugin } from '../conflist/model.ts';
import { problem } from '../failure.ts';
import { attachmentsOf, removeNetwork } from '../network/remove.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { dropRecord, markOf, readRecord, writeRecord } from './record.ts';

/** Whole tables of ours. Others' are never touched. */
const TABLES = [
  { family: 'inet', name: 'flatnet' },
  { family: 'inet', name: 'flatnet_hostport' },
  { family: 'bridge', name: 'flatnet' },
] as const;

/** Leases and logs: both are of this boot only. */
const RUNTIME_DIRECTORIES = ['/run/cni/flatnet', '/run/flatnet'];

export interface UninstallOutcome {
  readonly removed: readonly string[];
  /** Recorded files that somebody has changed since: they stay. */
  readonly kept: readonly string[];
}

/** Removes what the record names, as far as it is still what was installed. */
export function uninstall(stateDir: string, dryRun: boolean): UninstallOutcome {
  const seen = new Map<string, string>();
  const files = readRecord(stateDir).map((file) => ({ ...file, now: markOf(file.path, seen) }));
  const own = files.filter(({ mark, now }) => now === mark);
  const changed = files.filter(({ mark, now }) => now !== undefined && now !== mark);
  if (!dryRun) {
    own.forEach(({ path }) => removeFile(path));
    if (changed.length === 0) dropRecord(stateDir);
    else
      writeRecord(
        stateDir,
        changed.map(({ path, mark }) => ({ path, mark })),
      );
  }
  return { removed: own.map(({ path }) => path), kept: changed.map(({ path }) => path) };
}

/** Refuses while a container has a flatnet interface: its network would break under it. @throws OperatorError */
export function refuseIfUsed({ netDir, cacheDir }: Places): void {
  const users = readDirectory(netDir)
    .files.filter(({ network }) => mainPlugin(network).type === 'flatnet')
    .flatMap(({ network }) => attachmentsOf(cacheDir, network.name))
    .filter(({ alive }) => alive);
  if (users.length === 0) return;
  const names = users.map(({ containerId, network }) => `${containerId} on ${network}`).join(', ');
  throw problem(`containers still use flatnet: ${names}`, 'stop them, or flatnetctl uninstall --force');
}

/** Removes the networks that flatnetctl made, all tables, leases and logs. The plugins must still be there. */
export async function purge(world: World, places: Places, dryRun: boolean): Promise<readonly string[]> {
  const own = readDirectory(places.netDir).files.filter(({ network }) => network.created !== undefined);
  for (const file of own) if (!dryRun) await removeNetwork(world, places, file, { force: true, dryRun });
  if (!dryRun) {
    for (const table of TABLES) await deleteTable(world.run, table);
    RUNTIME_DIRECTORIES.forEach((directory) => rmSync(directory, { recursive: true, force: true }));
  }
  return [
    ...own.map(({ network }) => `network ${network.name}`),
    ...TABLES.map(({ family, name }) => `nft table ${family} ${name}`),
    ...RUNTIME_DIRECTORIES,
  ];
}

/** No such table is success: nft says so with a failure. */
async function deleteTable(run: Run, table: (typeof TABLES)[number]): Promise<void> {
  await run('nft', ['-j', JSON.stringify({ nftables: [{ delete: { table } }] })]);
}
