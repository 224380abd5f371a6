/** A line of the plugins' log, read again: what `Trace.toLine` wrote. */
import { isObject } from '@flatnet/cni';

export interface LogLine {
  /** ISO 8601. */
  readonly time: string;
  readonly plugin: string;
  /** `ok` or `error`. */
  readonly outcome: string;
  readonly verb?: string;
  readonly network?: string;
  readonly containerId?: string;
  readonly ifName?: string;
  readonly code?: number;
  readonly msg?: string;
  readonly details?: string;
  /** Milliseconds. */
  readonly ms?: number;
}

const TEXTS = ['verb', 'network', 'containerId', 'ifName', 'msg', 'details'] as const;
const NUMBERS = ['code', 'ms'] as const;

/** Undefined for a torn line, and for one that is not a plugin's. */
export function readLogLine(line: string): LogLine | undefined {
  const json = parsed(line);
  if (!isObject(json)) return undefined;
  const { time, plugin, outcome } = json;
  if (typeof time !== 'string' || typeof plugin !== 'string' || typeof outcome !== 'string') return undefined;
  const given = [
    ...TEXTS.filter((key) => typeof json[key] === 'string'),
    ...NUMBERS.filter((key) => typeof json[key] === 'number'),
  ];
  return { time, plugin, outcome, ...Object.fromEntries(given.map((key) => [key, json[key]])) };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
