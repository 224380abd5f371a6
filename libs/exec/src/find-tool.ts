import { accessSync, constants, statSync } from 'node:fs';

/** Where the distribution puts system tools. The caller's PATH is never asked: it is not ours to trust. */
const TOOL_DIRECTORIES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];

/** Whether `path` is a regular file that may be executed. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The absolute path of a system tool, or undefined. `FLATNET_TOOL_PATH` (a colon-separated list) replaces the fixed list: for
 * hosts with tools elsewhere (NixOS), and for tests with stand-ins.
 */
export function findTool(name: string): string | undefined {
  const override = process.env['FLATNET_TOOL_PATH'];
  const directories = override ? override.split(':').filter((entry) => entry.startsWith('/')) : TOOL_DIRECTORIES;
  return directories.map((directory) => `${directory}/${name}`).find(isExecutable);
}
