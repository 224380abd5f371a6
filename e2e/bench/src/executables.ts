/** Small programs in the runtime that the plugins have, compiled with the flags of plugins/multicall/compile.mjs. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUN, ROOT } from './sandbox.ts';

const FLAGS = ['--compile', '--bytecode', '--minify', '--format=cjs', '--compile-jit-policy=30'];
const NO_AUTOLOAD = ['--no-compile-autoload-bunfig', '--no-compile-autoload-dotenv'];

/** Compiles one source file. @returns the path of the executable. */
function compile(source: string, name: string): string {
  const image = join(ROOT, 'dist/bench', name);
  execFileSync(BUN, ['build', source, ...FLAGS, ...NO_AUTOLOAD, `--outfile=${image}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: join(ROOT, 'dist') },
  });
  return image;
}

/** A program that ends at once: what a process costs however little it does. */
export function buildEmpty(): string {
  const source = join(ROOT, 'dist/bench/empty.cjs');
  writeFileSync(source, 'process.exit(0);\n');
  return compile(source, 'empty');
}

/** The kernel work of an attachment and nothing else (kernel-work.ts). */
export const buildKernelWork = (): string => compile(join(ROOT, 'dist/bench/kernel-work.mjs'), 'kernel-work');
