import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');

it('no other project names bun:ffi or koffi', () => {
  const files = ['libs', 'plugins'].flatMap((group) =>
    readdirSync(join(root, group), { recursive: true, encoding: 'utf8' })
      .map((file) => `${group}/${file}`)
      .filter((file) => /\/src\/.*\.ts$/.test(file) && !file.includes('node_modules')),
  );
  expect(files.length).toBeGreaterThan(100);
  const naming = files.filter((file) => /['"](?:bun:ffi|koffi)['"]/.test(readFileSync(join(root, file), 'utf8')));
  expect(naming.sort()).toEqual(['libs/sys/src/bun.ts', 'libs/sys/src/node.ts']);
});
