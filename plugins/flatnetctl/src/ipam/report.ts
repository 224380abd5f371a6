/** The outcome of `ipam check` as a file: what was found, when, and in which boot; `release --from-report` reads it again. */
import { readFileSync, statSync } from 'node:fs';
import { CniError } from '@flatnet/cni';
import { configObject, decode } from '@flatnet/cni/schema';
import { realProcesses } from '@flatnet/store';
import * as z from 'zod/mini';
import { placeFile } from '../conflist/directory.ts';
import { errnoOf, problem, refused, usage } from '../failure.ts';
import { renderJson } from '../output.ts';
import { FINDING_KINDS, type Finding } from './findings.ts';
import type { Survey } from './survey.ts';

export interface Report {
  readonly version: 1;
  /** When the check was made, ISO 8601. */
  readonly at: string;
  /** The boot in which it is true: leases and rules of another one are void. */
  readonly bootId: string;
  readonly networks: readonly { readonly name: string; readonly attachments: number; readonly leases: number }[];
  readonly findings: readonly Finding[];
}

export function reportOf(survey: Survey, findings: readonly Finding[], now: Date): Report {
  const networks = survey.subjects.map(({ name }) => {
    const traces = survey.traces.filter(({ network }) => network === name);
    const leases = traces.filter(({ lease }) => lease !== undefined).length;
    return { name, attachments: traces.filter(({ life }) => life === 'alive').length, leases };
  });
  return { version: 1, at: now.toISOString(), bootId: realProcesses().bootId, networks, findings };
}

/** @throws OperatorError */
export const writeReport = (path: string, report: Report): void =>
  placeFile(path, renderJson(report), 'replace', 0o600);

const texts = z.array(z.string());
const finding = configObject({
  kind: z.enum(FINDING_KINDS),
  level: z.enum(['problem', 'note']),
  network: z.string(),
  containerId: z.string(),
  ifName: z.string(),
  name: z.string(),
  mark: z.string().check(z.regex(/^(?:[0-9a-f]{24})?$/)),
  addresses: texts,
  ports: texts,
  netns: z.string(),
  since: z.string(),
  reason: z.string(),
  next: z.string(),
  gc: z.boolean(),
});
const schema = configObject({
  version: z.literal(1),
  at: z.string(),
  bootId: z.string(),
  networks: z.array(configObject({ name: z.string(), attachments: z.number(), leases: z.number() })),
  findings: z.array(finding),
});

const MAX_BYTES = 64 * 1024 * 1024;

/** @throws OperatorError when it cannot be read, is not a report, or is of another boot. */
export function readReport(path: string): Report {
  const report = parseReport(path, textOf(path));
  if (report.bootId === realProcesses().bootId) return report;
  throw problem(`report ${path} is of another boot: nothing in it is true any more`, 'flatnetctl ipam check');
}

function textOf(path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_BYTES)
      throw usage(`${path} is not a report`, 'flatnetctl ipam check --report FILE');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw problem(`there is no report ${path}`, `flatnetctl ipam check --report ${path}`);
    if (errnoOf(error) !== undefined) throw refused('read', path, error);
    throw error;
  }
}

function parseReport(path: string, text: string): Report {
  try {
    return decode(schema, JSON.parse(text), 'report');
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof CniError)) throw error;
    const why = error instanceof CniError ? `${error.message}: ${error.details}` : 'not JSON';
    throw usage(`${path} is not a report: ${why}`, `flatnetctl ipam check --report ${path}`);
  }
}
