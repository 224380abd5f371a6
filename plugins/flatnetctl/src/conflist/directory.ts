import { randomBytes } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CniError } from '@flatnet/cni';
import { errnoOf, problem, refused } from '../failure.ts';
import { decodeNetwork, decodeSinglePlugin, type Network } from './model.ts';

/** A network and the file that defines it. */
export interface NetworkFile {
  readonly path: string;
  readonly network: Network;
  readonly text: string;
}

/** A file that a runtime would skip or refuse, and why. */
export interface BrokenFile {
  readonly path: string;
  readonly reason: string;
}

export interface Directory {
  readonly files: readonly NetworkFile[];
  readonly broken: readonly BrokenFile[];
}

const MAX_BYTES = 1024 * 1024;

/** All networks of a directory, in libcni's order (by file name). A missing directory is an empty one. */
export function readDirectory(directory: string): Directory {
  const files: NetworkFile[] = [];
  const broken: BrokenFile[] = [];
  for (const path of configurationPaths(directory)) {
    try {
      const text = readRegular(path);
      const json: unknown = JSON.parse(text);
      const network = path.endsWith('.conflist') ? decodeNetwork(json, path) : decodeSinglePlugin(json, path);
      const earlier = files.find((file) => file.network.name === network.name);
      if (earlier === undefined) files.push({ path, network, text });
      else broken.push({ path, reason: `network ${network.name} is already defined by ${earlier.path}, which wins` });
    } catch (error) {
      broken.push({ path, reason: reasonOf(error) });
    }
  }
  return { files, broken };
}

function configurationPaths(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.(?:conflist|conf|json)$/.test(name))
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw refused('read', directory, error);
  }
}

function readRegular(path: string): string {
  const stat = statSync(path);
  if (!stat.isFile()) throw new Error('not a regular file');
  if (stat.size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
  return readFileSync(path, 'utf8');
}

const reasonOf = (error: unknown): string => {
  if (error instanceof CniError) return `${error.message}: ${error.details}`;
  if (error instanceof SyntaxError) return `not JSON: ${error.message.slice(0, 200)}`;
  return errnoOf(error) ?? (error instanceof Error ? error.message : String(error));
};

/** @throws OperatorError that lists what there is instead. */
export function getNetwork(directory: string, name: string): NetworkFile {
  const { files, broken } = readDirectory(directory);
  const found = files.find(({ network }) => network.name === name);
  if (found !== undefined) return found;
  const guess = broken.find(({ path }) => path.includes(`/${name}.`));
  if (guess !== undefined) throw problem(`network ${name} cannot be read: ${guess.reason}`, `correct ${guess.path}`);
  throw problem(`no network named ${JSON.stringify(name)} in ${directory}`, 'flatnetctl network ls');
}

/** Where `network create` puts a network. */
export const pathOfNetwork = (directory: string, name: string): string => join(directory, `${name}.conflist`);

/**
 * Puts a file in place whole: readers see nothing or all of it, also after a crash. `exclusive` refuses when the name is taken.
 *
 * @throws OperatorError
 */
export function placeFile(path: string, text: string, how: 'exclusive' | 'replace', mode = 0o644): void {
  const directory = join(path, '..');
  // Runtimes read *.conflist, *.conf and *.json only, so they never see this one. In a folder that others write to, a name that they can
  // guess may be a link by now, which is not followed.
  const temporary = `${path}.${randomBytes(8).toString('hex')}.new`;
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(temporary, text, { mode, flush: true, flag: 'wx' });
    if (how === 'replace') return renameSync(temporary, path);
    linkSync(temporary, path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw problem(`${path} exists`, 'flatnetctl network ls');
    throw refused('write', path, error);
  } finally {
    removeFile(temporary);
  }
}

/** Removes a file; nothing there is success. @throws OperatorError */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw refused('remove', path, error);
  }
}
