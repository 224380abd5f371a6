/** What was installed, so that `uninstall` removes exactly that: `<stateDir>/installed.json`. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { configObject } from '@flatnet/cni/schema';
import * as z from 'zod/mini';
import { placeFile, removeFile } from '../conflist/directory.ts';
import { errnoOf, problem } from '../failure.ts';
import { renderJson } from '../output.ts';

/** The file from before, which made room for ours. */
const aside = configObject({ path: z.string().check(z.startsWith('/')), mark: z.string() });
const file = configObject({
  path: z.string().check(z.startsWith('/')),
  mark: z.string(),
  aside: z.optional(aside),
});
const schema = configObject({ files: z.array(file) });

export interface InstalledFile {
  readonly path: string;
  /** sha256 of the content, or `-> target` of a symbolic link. */
  readonly mark: string;
  /** Where the file is that had the name before, and its mark. */
  readonly aside?: { readonly path: string; readonly mark: string } | undefined;
}

export const DEFAULT_STATE_DIR = '/var/lib/flatnet';

const pathOf = (stateDir: string): string => join(stateDir, 'installed.json');

/** @throws OperatorError for a record that cannot be read: without it nothing tells what is ours. */
export function readRecord(stateDir: string): readonly InstalledFile[] {
  const path = pathOf(stateDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw problem(`${path} cannot be read: ${errnoOf(error) ?? String(error)}`, `look at ${path}`, error);
  }
  const parsed = z.safeParse(schema, jsonOf(text));
  if (parsed.success) return parsed.data.files;
  throw problem(`${path} is damaged, so it is unknown what was installed`, `correct or remove ${path}`);
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const writeRecord = (stateDir: string, files: readonly InstalledFile[]): void =>
  placeFile(pathOf(stateDir), renderJson({ files }), 'replace');

export const dropRecord = (stateDir: string): void => removeFile(pathOf(stateDir));

/** The mark of what is at `path` now; undefined when there is nothing. Links of one file are read once (`seen`, by inode). */
export function markOf(path: string, seen = new Map<string, string>()): string | undefined {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return linkMark(readlinkSync(path));
    if (!stat.isFile()) return 'not a file';
    const key = `${stat.dev}:${stat.ino}`;
    const mark = seen.get(key) ?? digestOf(path);
    seen.set(key, mark);
    return mark;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Whether a mark is of a regular file. */
export const isDigest = (mark: string): boolean => /^[0-9a-f]{64}$/.test(mark);

export const linkMark = (target: string): string => `-> ${target}`;

function digestOf(path: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(1024 * 1024);
    for (let size = readSync(descriptor, chunk); size > 0; size = readSync(descriptor, chunk)) {
      hash.update(chunk.subarray(0, size));
    }
    return hash.digest('hex');
  } finally {
    closeSync(descriptor);
  }
}
