import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Files, and for each the files that it imports, types included. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)'(\.[^']+\.ts)'/gm;

/** The imports between the sources of one project. `text` answers a file's text. */
export function importGraph(files: readonly string[], text: (file: string) => string): ImportGraph {
  const known = new Set(files);
  const targets = (file: string): string[] =>
    [...text(file).matchAll(IMPORT)].map(([, path]) => join(dirname(file), path!)).filter((path) => known.has(path));
  return new Map(files.map((file) => [file, [...new Set(targets(file))]]));
}

/** The circles of a graph, as sentences: `a.ts -> b.ts -> a.ts`. Each file is in one of them at most. */
export function findCycles(graph: ImportGraph): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      cycles.push([...path.slice(at), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

/** The TypeScript files below `folder`, as paths from `root`. */
export function sourcesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => relative('.', join(folder, name)));
}

/** The circles in the sources of the project in `folder`. */
export const cyclesOf = (root: string, folder: string): string[] =>
  findCycles(importGraph(sourcesBelow(root, join(folder, 'src')), (file) => readFileSync(join(root, file), 'utf8')));
