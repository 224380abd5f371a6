import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cyclesOf, findCycles, importGraph, sourcesBelow } from '../src/import-cycles.ts';

const root = join(import.meta.dirname, '../../..');
const projects = ['libs', 'plugins']
  .flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`))
  .filter((folder) => existsSync(join(root, folder, 'src')));

/** Texts by file name, as a project would have them. */
const cyclesIn = (texts: Readonly<Record<string, string>>): string[] =>
  findCycles(importGraph(Object.keys(texts), (file) => texts[file]!));

describe('imports go in one direction', () => {
  it.each(projects)('in %s', (folder) => {
    expect(sourcesBelow(root, join(folder, 'src'))).not.toHaveLength(0);
    expect(cyclesOf(root, folder)).toEqual([]);
  });

  it.each([
    ["import { b } from './b.ts';", "export { a } from './a.ts';"],
    ["import type { B } from './b.ts';", "import type { A } from './a.ts';"],
    ["import {\n  type B,\n} from './b.ts';", "const a = await import('./a.ts');"],
    ["import './b.ts';", "export * from './a.ts';"],
  ])('a circle of two is found: %s', (a, b) => {
    expect(cyclesIn({ 'src/a.ts': a, 'src/b.ts': b })).toEqual(['src/a.ts -> src/b.ts -> src/a.ts']);
  });

  it('a longer one is found across folders, and a diamond is none', () => {
    expect(
      cyclesIn({
        'src/a.ts': "import './x/b.ts';",
        'src/x/b.ts': "import '../c.ts';",
        'src/c.ts': "import './x/b.ts';",
      }),
    ).toEqual(['src/x/b.ts -> src/c.ts -> src/x/b.ts']);
    const diamond = { 'a.ts': "import './b.ts';\nimport './c.ts';", 'b.ts': "import './d.ts';", 'd.ts': '' };
    expect(cyclesIn({ ...diamond, 'c.ts': "import './d.ts';" })).toEqual([]);
  });
});
