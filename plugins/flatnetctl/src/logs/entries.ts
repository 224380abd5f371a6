import { readFileSync } from 'node:fs';
import { type LogLine, readLogLine } from '@flatnet/skel/log-line';
import { errnoOf, refused } from '../failure.ts';
import { coloured, printable } from '../output.ts';
import type { World } from '../world.ts';

export interface LogFilter {
  /** The start of an id. */
  readonly container?: string;
  /** Whole ids that count as well: those of a name. */
  readonly ids?: readonly string[];
  readonly network?: string;
  readonly verb?: string;
  readonly errors: boolean;
  /** ISO 8601: not before. */
  readonly since?: string;
}

export type LogEntry = LogLine & { readonly line: string };

/** The entries of a log and of its predecessor (`<file>.1`), oldest first. Torn lines are left out. @throws OperatorError */
export function readEntries(file: string, filter: LogFilter): readonly LogEntry[] {
  return entriesOf(
    [`${file}.1`, file].flatMap((path) => textOf(path).split('\n')),
    filter,
  );
}

/** Those of the lines that match. */
export const entriesOf = (lines: readonly string[], filter: LogFilter): readonly LogEntry[] =>
  lines.flatMap(parseLine).filter((entry) => matches(entry, filter));

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw refused('read', path, error);
  }
}

function parseLine(line: string): readonly LogEntry[] {
  const entry = readLogLine(line);
  return entry === undefined ? [] : [{ ...entry, line }];
}

const matches = (entry: LogEntry, { container, ids = [], network, verb, errors, since }: LogFilter): boolean =>
  (container === undefined ||
    (entry.containerId ?? '').startsWith(container) ||
    ids.includes(entry.containerId ?? '')) &&
  (network === undefined || entry.network === network) &&
  (verb === undefined || entry.verb === verb) &&
  (since === undefined || entry.time >= since) &&
  (!errors || entry.outcome !== 'ok');

/** One line for people. */
export function renderEntry(world: World, entry: LogEntry): string {
  const { time, plugin, verb = '-', network = '-', containerId = '-', ifName = '-', outcome, ms = 0 } = entry;
  const words = [time, plugin.padEnd(15), verb.padEnd(6), network, containerId.slice(0, 12), ifName, `${ms} ms`];
  const failure = outcome === 'ok' ? '' : coloured(world, 'red', printable(failureOf(entry)));
  return `${words.map(printable).join(' ')} ${failure === '' ? 'ok' : failure}\n`;
}

const failureOf = ({ code, msg = '', details = '' }: LogEntry): string =>
  `error ${code ?? ''} ${details === '' ? msg : `${msg}: ${details}`}`;
