import type { ChainFigures } from '../parts/chain.ts';
import type { GrowthPoint } from '../parts/growth.ts';

const COLOURS: Readonly<Record<string, string>> = {
  flatnet: '#1f77b4',
  reference: '#d98a2b',
  netavark: '#7a6fb0',
  'newest reference, iptables': '#b5651d',
  'newest reference, nftables': '#8c4a12',
  'newest netavark': '#574b90',
  'kernel work alone': '#8a8f98',
};
const WIDTH = 860;
const LABELS = 190;

const colour = (side: string): string => COLOURS[side] ?? '#555';
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const round = (value: number): number => Math.round(value * 10) / 10;

const text = (x: number, y: number, words: string, extra = ''): string =>
  `<text x="${round(x)}" y="${round(y)}" ${extra}>${escaped(words)}</text>`;

const picture = (height: number, parts: readonly string[]): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#222">`,
    `<rect width="${WIDTH}" height="${height}" rx="6" fill="#fff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');

/** A group of bars: one title, one bar per side. */
export interface BarGroup {
  readonly title: string;
  readonly bars: readonly { readonly side: string; readonly value: number }[];
}

export const chainGroups = (full: readonly ChainFigures[], plain: readonly ChainFigures[]): readonly BarGroup[] =>
  (
    [
      ['ADD: one port, masquerade', full, 'add'],
      ['DEL: one port, masquerade', full, 'del'],
      ['ADD: neither', plain, 'add'],
      ['DEL: neither', plain, 'del'],
    ] as const
  )
    .filter(([, figures]) => figures.length > 0)
    .map(([title, figures, verb]) => ({ title, bars: figures.map((of) => ({ side: of.side, value: of[verb] })) }));

/** Horizontal bars in groups, all on one scale of milliseconds. A value that is no number has no bar. */
export function renderBars(title: string, groups: readonly BarGroup[]): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value)).filter(Number.isFinite);
  const most = Math.max(1, ...values);
  const scale = (WIDTH - LABELS - 110) / most;
  const parts = [text(20, 28, title, 'font-size="16" font-weight="600"')];
  let y = 54;
  for (const { title: name, bars } of groups) {
    parts.push(text(20, y + 4, name, 'font-weight="600"'));
    y += 14;
    for (const { side, value } of bars) {
      parts.push(text(LABELS - 8, y + 14, side, 'text-anchor="end"'));
      y += 22;
      if (!Number.isFinite(value)) {
        parts.push(text(LABELS, y - 8, 'too few undisturbed samples', 'fill="#666"'));
        continue;
      }
      parts.push(
        `<rect x="${LABELS}" y="${y - 20}" width="${round(Math.max(1, value * scale))}" height="16" rx="2" fill="${colour(side)}"/>`,
        text(LABELS + value * scale + 6, y - 8, `${value.toFixed(1)} ms`),
      );
    }
    y += 18;
  }
  return picture(y, parts);
}

const PANEL = { width: 240, height: 190, left: 46, top: 78, gap: 28 };

/** One panel per axis: milliseconds of ADD (solid) and DEL (dashed) over the size, both logarithmic. */
export function renderGrowth(title: string, points: readonly GrowthPoint[]): string {
  const axes = [...new Set(points.map(({ axis }) => axis))];
  const sides = [...new Set(points.map(({ side }) => side))];
  const legend = sides.map((side, at) => {
    const x = 20 + at * 130;
    return `<rect x="${x}" y="40" width="12" height="12" fill="${colour(side)}"/>${text(x + 18, 51, side)}`;
  });
  const panels = axes.map((axis, at) => {
    const left = PANEL.left + at * (PANEL.width + PANEL.gap);
    return panel(
      axis,
      left,
      points.filter((point) => point.axis === axis),
    );
  });
  const heading = text(20, 28, title, 'font-size="16" font-weight="600"');
  const key = text(20 + sides.length * 130, 51, 'solid: ADD, dashed: DEL', 'fill="#666"');
  return picture(PANEL.top + PANEL.height + 60, [heading, ...legend, key, ...panels]);
}

function panel(axis: string, left: number, points: readonly GrowthPoint[]): string {
  const { width, height, top } = PANEL;
  const sizes = [...new Set(points.map(({ size }) => size))].sort((a, b) => a - b);
  const values = points.flatMap(({ add, del }) => [add, del]).filter(Number.isFinite);
  if (values.length === 0) return text(left, top, `${axis}: too few undisturbed samples`, 'fill="#666"');
  const low = Math.log10(Math.min(...values)) - 0.1;
  const high = Math.log10(Math.max(...values)) + 0.1;
  const [from, to] = [Math.log10(sizes[0]!), Math.log10(sizes.at(-1)!)];
  const x = (size: number): number => left + ((Math.log10(size) - from) / (to - from || 1)) * (width - 20) + 10;
  const y = (value: number): number => top + height - ((Math.log10(value) - low) / (high - low || 1)) * height;
  const ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter(
    (tick) => y(tick) >= top && y(tick) <= top + height,
  );
  const lines = [...new Set(points.map(({ side }) => side))].flatMap((side) => {
    const own = points.filter((point) => point.side === side);
    return (['add', 'del'] as const).map((verb) => {
      const measured = own.filter((point) => Number.isFinite(point[verb]));
      const path = measured.map((point) => `${round(x(point.size))},${round(y(point[verb]))}`).join(' ');
      const dash = verb === 'del' ? ' stroke-dasharray="5 4"' : '';
      return `<polyline points="${path}" fill="none" stroke="${colour(side)}" stroke-width="2.5"${dash}/>`;
    });
  });
  return [
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="#ccc"/>`,
    ...ticks.map(
      (tick) => `<line x1="${left}" x2="${left + width}" y1="${round(y(tick))}" y2="${round(y(tick))}" stroke="#eee"/>`,
    ),
    ...ticks.map((tick) => text(left - 5, y(tick) + 4, String(tick), 'text-anchor="end" font-size="11" fill="#666"')),
    ...sizes.map((size) =>
      text(x(size), top + height + 16, String(size), 'text-anchor="middle" font-size="11" fill="#666"'),
    ),
    text(left + width / 2, top + height + 36, axis, 'text-anchor="middle"'),
    text(left, top - 6, 'ms', 'font-size="11" fill="#666"'),
    ...lines,
  ].join('\n');
}
