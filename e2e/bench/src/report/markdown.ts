import type { Section, Table } from '../bench.ts';

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const tableText = ({ head, rows }: Table): string =>
  [row(head), row(head.map((_, at) => (at === 0 ? '---' : '--:'))), ...rows.map(row)].join('\n');

const sectionText = ({ title, about, tables, notes = [] }: Section): string =>
  [`## ${title}`, about, ...tables.map(tableText), ...notes].join('\n\n');

/** The whole report. `machine` and `summary` are lines. */
export const renderReport = (
  machine: readonly string[],
  summary: readonly string[],
  sections: readonly Section[],
): string =>
  [
    '# flatnet against the reference plugins and netavark',
    'Written by `npm run bench`. Medians; ratios below 1 mean that flatnet is faster (data path: above 1 means more). How it is ' +
      'measured, and where the time goes: [the page of the benchmark](../README.md).',
    machine.map((line) => `- ${line}`).join('\n'),
    ...(summary.length === 0 ? [] : [summary.map((line) => `- ${line}`).join('\n')]),
    ...sections.map(sectionText),
    '',
  ].join('\n\n');
