/** What `nx graph --file` writes, as far as it is looked at. */
export interface ProjectGraph {
  readonly nodes: Readonly<Record<string, { readonly data: { readonly tags?: readonly string[] } }>>;
  readonly dependencies: Readonly<Record<string, readonly { readonly target: string }[]>>;
}

/** layers.json: per layer, the layers and npm packages that its sources may import. */
export type Layers = Readonly<
  Record<string, { readonly layers: readonly string[]; readonly packages: readonly string[] }>
>;

/**
 * The imports between projects that the table does not allow, as sentences; empty when all is well. A project that has no
 * layer is a violation too: else a new project would escape the check. Tests may import the testing layer from anywhere
 * (the lint rule keeps it out of `src/`).
 */
export function findViolations(graph: ProjectGraph, layers: Layers): string[] {
  const layerOf = (project: string): string =>
    graph.nodes[project]?.data.tags?.find((tag) => tag.startsWith('layer:'))?.slice('layer:'.length) ?? 'none';
  return Object.entries(graph.dependencies).flatMap(([source, dependencies]) => {
    const row = layers[layerOf(source)];
    if (row === undefined) return [`${source} has no layer of libs/testing/layers.json among its tags (project.json)`];
    return dependencies
      .filter(({ target }) => graph.nodes[target] !== undefined)
      .filter(({ target }) => layerOf(target) !== 'testing' && !row.layers.includes(layerOf(target)))
      .map(({ target }) => `${source} (${layerOf(source)}) imports ${target} (${layerOf(target)})`);
  });
}
