/**
 * The graph as SVG, without a layout engine: it is a tree of three columns, the host, its networks, their containers.
 *
 *   host ─── network ─── container
 *      │         └────── container
 *      └──── network
 */
import { printable } from '../output.ts';
import type { Edge, Graph, Node } from './graph.ts';

const WIDTH = 250;
const GAP_X = 230;
const GAP_Y = 18;
const LINE = 17;
const PADDING = 10;
const COLUMNS = ['host', 'network', 'container'] as const;
const FILLS = { host: '#eceff1', network: '#e3f2fd', container: '#e8f5e9' } as const;

interface Box {
  readonly node: Node;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** A whole document; it needs no script and no font of its own. */
export function renderSvg({ nodes, edges }: Graph): string {
  const boxes = new Map(
    COLUMNS.flatMap((shape, column) => columnOf(nodes, shape, column)).map((box) => [box.node.id, box]),
  );
  const all = [...boxes.values()];
  const height = Math.max(...all.map((box) => box.y + box.height)) + GAP_Y;
  const width = COLUMNS.length * WIDTH + (COLUMNS.length - 1) * GAP_X + 2 * GAP_Y;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="13">`,
    ...edges.flatMap((edge) => drawEdge(edge, boxes)),
    ...all.flatMap(drawBox),
    '</svg>\n',
  ].join('\n');
}

function columnOf(nodes: readonly Node[], shape: Node['shape'], column: number): readonly Box[] {
  let y = GAP_Y;
  return nodes
    .filter((node) => node.shape === shape)
    .map((node) => {
      const height = node.lines.length * LINE + 2 * PADDING;
      const box = { node, x: GAP_Y + column * (WIDTH + GAP_X), y, height };
      y += height + GAP_Y;
      return box;
    });
}

function drawBox({ node, x, y, height }: Box): readonly string[] {
  const lines = node.lines.map(
    (line, index) =>
      `<text x="${x + PADDING}" y="${y + PADDING + (index + 0.75) * LINE}"${index === 0 ? ' font-weight="bold"' : ''}>${escaped(line)}</text>`,
  );
  return [
    `<rect x="${x}" y="${y}" width="${WIDTH}" height="${height}" rx="6" fill="${FILLS[node.shape]}" stroke="#607d8b"/>`,
    ...lines,
  ];
}

function drawEdge({ from, to, label }: Edge, boxes: ReadonlyMap<string, Box>): readonly string[] {
  const [left, right] = [boxes.get(from), boxes.get(to)];
  if (left === undefined || right === undefined) return [];
  const [x1, y1] = [left.x + WIDTH, left.y + left.height / 2];
  const [x2, y2] = [right.x, right.y + right.height / 2];
  const words = label.split(', ');
  return [
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#90a4ae"/>`,
    ...words.map(
      (word, index) =>
        `<text x="${x2 - PADDING}" y="${y2 - 5 + index * LINE}" text-anchor="end" font-size="11">${escaped(word)}</text>`,
    ),
  ];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Labels hold names of containers, which are strangers' texts. */
const escaped = (text: string): string => printable(text).replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
