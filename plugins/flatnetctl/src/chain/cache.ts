/**
 * Results of ADD as libcni keeps them, in the same files and the same format (`cniCacheV1`): what flatnetctl attached another
 * libcni tool can detach, and the cache tells what runtimes have attached.
 *
 *   <cacheDir>/results/<network>-<containerId>-<ifName>
 *
 * The form of libcni before 0.8, a result and nothing else, is read too.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isIdentifier, isInterfaceName } from '@flatnet/cni';
import { configObject } from '@flatnet/cni/schema';
import { type DriverRecord, driverRecords } from '@flatnet/driver';
import * as z from 'zod/mini';
import { placeFile, removeFile } from '../conflist/directory.ts';
import { errnoOf, refused } from '../failure.ts';

export interface CachedAttachment {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  /** The text of the configuration that ADD was made with. */
  readonly config: string;
  /** Absent in files of libcni before 1.2. */
  readonly netns?: string;
  /** `device:inode` of the namespace at ADD. A key of ours: libcni passes over it. */
  readonly netnsId?: string;
  readonly cniArgs: readonly (readonly [string, string])[];
  readonly capabilityArgs: Readonly<Record<string, unknown>>;
  readonly result: Readonly<Record<string, unknown>>;
}

const record = z.record(z.string(), z.unknown());
const schema = configObject({
  kind: z.literal('cniCacheV1'),
  containerId: z.string().check(z.refine(isIdentifier)),
  config: z.optional(z.string()),
  ifName: z.string().check(z.refine(isInterfaceName)),
  networkName: z.string().check(z.refine(isIdentifier)),
  netns: z.optional(z.string()),
  netnsId: z.optional(z.string()),
  cniArgs: z.optional(z.array(z.tuple([z.string(), z.string()]))),
  capabilityArgs: z.optional(record),
  result: z.optional(record),
});

const folderOf = (cacheDir: string): string => join(cacheDir, 'results');

const pathOf = (cacheDir: string, { network, containerId, ifName }: Identity): string =>
  join(folderOf(cacheDir), `${network}-${containerId}-${ifName}`);

export type Identity = Pick<CachedAttachment, 'network' | 'containerId' | 'ifName'>;

/** Every attachment that a runtime (or we) made and did not take back, and those of netavark's driver in this boot. */
export const listCached = (cacheDir: string, records = driverRecords()): readonly CachedAttachment[] => [
  ...listFiles(cacheDir),
  ...records.all().map(cachedOf),
];

const cachedOf = ({ owner, netns, netnsId, chain, attach, result = {} }: DriverRecord): CachedAttachment => ({
  ...{ network: owner.network, containerId: owner.containerId, ifName: owner.ifName },
  ...{ netns, netnsId, config: JSON.stringify(chain), result },
  ...{ cniArgs: attach.cniArgs, capabilityArgs: attach.capabilityArgs },
});

/** Files that cannot be read are left out. */
function listFiles(cacheDir: string): readonly CachedAttachment[] {
  const folder = folderOf(cacheDir);
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw refused('read', folder, error);
  }
  return names.flatMap((name) => {
    const cached = parseCached(() => readFileSync(join(folder, name), 'utf8'), identityIn(name));
    return cached === undefined ? [] : [cached];
  });
}

/** The file's name is not enough: container `b-c` on `a` has the one of container `c` on `a-b`. */
export function findCached(cacheDir: string, identity: Identity): CachedAttachment | undefined {
  const cached = readCached(cacheDir, identity);
  return cached !== undefined && isOf(identity, cached) ? cached : undefined;
}

const readCached = (cacheDir: string, identity: Identity): CachedAttachment | undefined =>
  parseCached(() => readFileSync(pathOf(cacheDir, identity), 'utf8'), identity);

const isOf = ({ network, containerId, ifName }: Identity, cached: CachedAttachment): boolean =>
  cached.network === network && cached.containerId === containerId && cached.ifName === ifName;

/** @param identity whose result the file holds where it holds nothing else. */
function parseCached(read: () => string, identity: Identity | undefined): CachedAttachment | undefined {
  let json: unknown;
  try {
    json = JSON.parse(read());
  } catch {
    return undefined;
  }
  const parsed = z.safeParse(schema, json);
  if (!parsed.success) return identity === undefined ? undefined : plainResult(json, identity);
  const { networkName, containerId, ifName, config = '', cniArgs = [], capabilityArgs = {} } = parsed.data;
  const result = parsed.data.result ?? {};
  const text = Buffer.from(config, 'base64').toString('utf8');
  const { netns, netnsId } = parsed.data;
  const where = { ...(netns ? { netns } : {}), ...(netnsId ? { netnsId } : {}) };
  return { network: networkName, containerId, ifName, config: text, ...where, cniArgs, capabilityArgs, result };
}

/** libcni before 0.8 kept the result alone. Ids of runtimes have no dash, and neither have names of interfaces as a rule. */
function identityIn(fileName: string): Identity | undefined {
  const [, network = '', containerId = '', ifName = ''] = /^(.+)-([^-]+)-([^-]+)$/.exec(fileName) ?? [];
  return network === '' ? undefined : { network, containerId, ifName };
}

function plainResult(json: unknown, identity: Identity): CachedAttachment | undefined {
  const parsed = z.safeParse(record, json);
  const isResult = parsed.success && parsed.data['kind'] === undefined && typeof parsed.data['cniVersion'] === 'string';
  return isResult ? { ...identity, config: '', cniArgs: [], capabilityArgs: {}, result: parsed.data } : undefined;
}

/** @throws OperatorError */
export function storeCached(cacheDir: string, cached: CachedAttachment): void {
  const { network, config, ...rest } = cached;
  const file = { kind: 'cniCacheV1', ...rest, networkName: network, config: Buffer.from(config).toString('base64') };
  const folder = folderOf(cacheDir);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw refused('create', folder, error);
  }
  placeFile(pathOf(cacheDir, cached), JSON.stringify(file), 'replace', 0o600);
}

/** Also a record that cannot be read, but never another attachment's. */
export function dropCached(cacheDir: string, identity: Identity): void {
  const cached = readCached(cacheDir, identity);
  if (cached === undefined || isOf(identity, cached)) removeFile(pathOf(cacheDir, identity));
}
