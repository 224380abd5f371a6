import type { World } from './world.ts';

export type Format = 'table' | 'json';

/** Control characters of a stranger's text (a label, a log line) must not move the reader's cursor. */
export const printable = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Columns side by side, two blanks between them; no blanks at the ends of lines. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  withHeading = true,
): string {
  const lines = (withHeading ? [header, ...rows] : rows).map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(0, ...lines.map((row) => (row[column] ?? '').length)));
  return lines
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

export const renderJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Prints rows of a listing in the format asked for. `json` is what scripts see and does not change with the table. */
export function printListing(
  world: World,
  format: Format,
  listing: {
    readonly header: readonly string[];
    readonly rows: readonly (readonly string[])[];
    readonly json: unknown;
    readonly noHeading?: boolean;
  },
): void {
  world.out(
    format === 'json' ? renderJson(listing.json) : renderTable(listing.header, listing.rows, !listing.noHeading),
  );
}

const COLOURS = { red: 31, green: 32, yellow: 33, bold: 1 } as const;

export const coloured = (world: World, colour: keyof typeof COLOURS, text: string): string =>
  world.colour ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
