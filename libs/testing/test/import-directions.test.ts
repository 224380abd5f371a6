import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaRun } from '@flatnet/exec/execa';
import { describe, expect, it } from 'vitest';
import { findViolations, type Layers, type ProjectGraph } from '../src/import-directions.ts';

const root = join(import.meta.dirname, '../../..');
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const layers = readJson(join(root, 'libs/testing/layers.json')) as Layers;

const graph = (tags: Record<string, string>, edges: readonly [string, string][]): ProjectGraph => ({
  nodes: Object.fromEntries(Object.entries(tags).map(([name, tag]) => [name, { data: { tags: [`layer:${tag}`] } }])),
  dependencies: Object.fromEntries(
    Object.keys(tags).map((name) => [name, edges.filter(([from]) => from === name).map(([, target]) => ({ target }))]),
  ),
});

describe('import directions', () => {
  it('hold in the workspace', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flatnet-graph-'));
    try {
      const file = join(folder, 'graph.json');
      const nx = join(root, 'node_modules/nx/dist/bin/nx.js');
      const env = { PATH: process.env.PATH, HOME: folder, NX_DAEMON: 'false', NX_TUI: 'false' };
      const result = await execaRun(process.execPath, [nx, 'graph', `--file=${file}`], { env, timeoutMs: 100_000 });
      expect(result, result.stderr).toMatchObject({ exitCode: 0 });
      const workspace = (readJson(file) as { graph: ProjectGraph }).graph;
      expect(workspace.dependencies['flatnet']).not.toHaveLength(0);
      expect(findViolations(workspace, layers)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('report a plugin that imports another plugin', () => {
    const wrong = graph({ flatnet: 'plugin', 'flatnet-ipam': 'plugin' }, [['flatnet', 'flatnet-ipam']]);
    expect(findViolations(wrong, layers)).toEqual(['flatnet (plugin) imports flatnet-ipam (plugin)']);
  });

  it('report an effect that knows the protocol', () => {
    const wrong = graph({ kernel: 'effect', cni: 'protocol' }, [['kernel', 'cni']]);
    expect(findViolations(wrong, layers)).toEqual(['kernel (effect) imports cni (protocol)']);
  });

  it('report a project without a layer', () => {
    expect(findViolations(graph({ novelty: 'unheard-of' }, []), layers)).toHaveLength(1);
  });
});
