/** What was installed, so that `uninstall` removes exactly that: `<stateDir>/installed.json`. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { configObject } from '@flatnet/cni';
import * as z from 'zod/mini';
import { placeFile, removeFile } from '../conflist/directory.ts';
import { errnoOf } from '../failure.ts';
import { renderJson } from '../output.ts';

export interface InstalledFile {
  readonly path: string;
  /** sha256 of the content, or `-> target` of a symbolic link. */
  readonly mark: string;
}

const schema = configObject({
  files: z.array(configObject({ path: z.string().check(z.startsWith('/')), mark: z.string() })),
});

export const DEFAULT_STATE_DIR = '/var/lib/flatnet';

const pathOf = (stateDir: string): string => join(stateDir, 'installed.json');

export function readRecord(stateDir: string): readonly InstalledFile[] {
  try {
    const parsed = z.safeParse(schema, JSON.parse(readFileSync(pathOf(stateDir), 'utf8')));
    return parsed.success ? parsed.data.files : [];
  } catch {
    return [];
  }
}

export const writeRecord = (stateDir: string, files: readonly InstalledFile[]): void =>
  placeFile(pathOf(stateDir), renderJson({ files }), 'replace');

export const dropRecord = (stateDir: string): void => removeFile(pathOf(stateDir));

/** The mark of what is at `path` now; undefined when there is nothing. Links of one file are read once (`seen`, by inode). */
export function markOf(path: string, seen = new Map<string, string>()): string | undefined {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
    if (!stat.isFile()) return 'not a file';
    const key = `${stat.dev}:${stat.ino}`;
    const mark = seen.get(key) ?? digestOf(path);
    seen.set(key, mark);
    return mark;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function digestOf(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(1024 * 1024);
    for (let size = readSync(file, chunk); size > 0; size = readSync(file, chunk)) hash.update(chunk.subarray(0, size));
    return hash.digest('hex');
  } finally {
    closeSync(file);
  }
}
