// Makes the executables: dist/multicall.cjs, a file for each name, and a Bun runtime in one image, under every name.
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const NAMES = [
  'flatnet',
  'flatnet-ipam',
  'flatnet-portmap',
  'flatnet-bandwidth',
  'flatnet-tuning',
  'flatnet-dns',
  'flatnet-firewall',
  'flatnetctl',
  'flatnetd',
];
/** Parts of the image that have no name of their own: main.ts tells by the arguments. */
const PARTS = ['flatnet-netavark'];
const root = join(import.meta.dirname, '../..');
const bin = join(root, 'dist/bin');
const image = join(root, 'dist/image');
const arch = process.arch === 'arm64' ? 'aarch64' : 'x64';
const bun = createRequire(import.meta.url).resolve(`@oven/bun-linux-${arch}/bin/bun`);

mkdirSync(bin, { recursive: true });
compile();
writeFileSync(image, withoutEnvironmentSwitches(readFileSync(image)));
NAMES.forEach(install);
rmSync(image);

function compile() {
  const { status, stderr } = spawnSync(
    bun,
    [
      'build',
      ...['multicall', ...NAMES, ...PARTS].map((name) => join(root, `dist/${name}.cjs`)),
      '--compile',
      // main.ts finds the parts below it.
      `--root=${join(root, 'dist')}`,
      '--bytecode',
      '--minify',
      // CommonJS, because there a lazily loaded module also loads its node: modules late: an ESM bundle imports all of them first,
      // which doubles the time of VERSION.
      '--format=cjs',
      // A plugin lives ten milliseconds: compiling its functions costs more than it saves. Thirty times the usual threshold leaves the
      // compiler to long loops. npm run bench, and CPU of flatnet-ipam ADD in pairs: 20.6 ms without, 15.3 with it.
      '--compile-jit-policy=30',
      // The runtime asks for the path of its working directory first, and a deleted one has none: DEL from there would end with a sentence
      // that is no JSON. By this name every directory can be entered, and relative paths of flatnetctl mean what its caller means.
      '--compile-exec-argv=--cwd=/proc/self/cwd',
      // Without these two, bunfig.toml and .env of the caller's working directory run code and set variables as root.
      '--no-compile-autoload-bunfig',
      '--no-compile-autoload-dotenv',
      `--outfile=${image}`,
    ],
    { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: join(root, 'dist') } },
  );
  if (status !== 0) throw new Error(`bun build failed:\n${stderr}`);
}

/**
 * A Bun image still obeys variables of its caller that turn it into another program. There is no flag against them, so their
 * names are made names that no environment can hold (`=` cannot stand in one). The length stays: only bytes of constants change.
 */
function withoutEnvironmentSwitches(bytes) {
  for (const name of ['BUN_OPTIONS', 'BUN_BE_BUN', 'BUN_INSPECT']) {
    const from = Buffer.from(name);
    const to = Buffer.from(name.replace('B', '='));
    let found = 0;
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + from.length)) {
      to.copy(bytes, at);
      found++;
    }
    if (found === 0) throw new Error(`the Bun runtime no longer names ${name}: see what replaced it`);
  }
  return bytes;
}

/** Hard links, by rename: a running executable keeps its old image, and there is never half a file. */
function install(name) {
  const temporary = join(bin, `.${name}.new`);
  rmSync(temporary, { force: true });
  linkSync(image, temporary);
  renameSync(temporary, join(bin, name));
}
