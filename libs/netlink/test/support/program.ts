import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

const folder = import.meta.dirname;

/** Runs TypeScript that imports from `../../src` as a program of its own, started by `command`; what it prints is the answer. */
export function runProgram(source: string, ...command: readonly string[]): SpawnSyncReturns<string> {
  const built = buildSync({
    stdin: { contents: source, resolveDir: folder, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  // Beside the tests, because a bundle finds koffi from where it is.
  const scratch = mkdtempSync(join(folder, '.program-'));
  try {
    const file = join(scratch, 'program.mjs');
    writeFileSync(file, built.outputFiles[0]?.text ?? '');
    const [tool = process.execPath, ...args] = [...command, process.execPath, file];
    return spawnSync(tool, args, { encoding: 'utf8' });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
