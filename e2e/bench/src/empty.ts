import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUN, ROOT } from './sandbox.ts';

/** Builds an empty program into the same runtime, with the flags of plugins/multicall/compile.mjs; answers its path. */
export function buildEmpty(): string {
  const source = join(ROOT, 'dist/bench/empty.cjs');
  const image = join(ROOT, 'dist/bench/empty');
  writeFileSync(source, 'process.exit(0);\n');
  const flags = ['--compile', '--bytecode', '--minify', '--format=cjs', '--compile-jit-policy=30'];
  execFileSync(
    BUN,
    ['build', source, ...flags, '--no-compile-autoload-bunfig', '--no-compile-autoload-dotenv', `--outfile=${image}`],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: process.env['PATH'], HOME: join(ROOT, 'dist') },
    },
  );
  return image;
}
