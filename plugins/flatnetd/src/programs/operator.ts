/**
 * flatnetctl as a program: what an operator can do, flatnetd does by the same words. A comparison opens sockets inside of containers'
 * namespaces, which would keep a namespace alive for as long as this process lives.
 */
import { dirname, join } from 'node:path';
import { isExecutable, type Run, type RunResult, ToolError } from '@flatnet/exec';
import type { Options } from '../options.ts';

export interface OperatorProblem {
  /** What failed. */
  readonly message: string;
  /** The next step. */
  readonly next: string;
  /** flatnetctl's: 1 problem, 2 usage, 3 environment. */
  readonly exitCode: number;
}

export type OperatorAnswer =
  | { readonly ok: true; readonly json: unknown }
  | { readonly ok: false; readonly problem: OperatorProblem; readonly json?: unknown };

/** Runs one command of flatnetctl, with `-o json` among its arguments where it prints JSON. Never rejects. */
export type Operator = (args: readonly string[], options?: { readonly timeoutMs?: number }) => Promise<OperatorAnswer>;

const TIMEOUT_MS = 90_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** @throws ToolError where flatnetctl cannot be found. */
export function operatorWith(run: Run, options: Options, env: Readonly<Record<string, string | undefined>>): Operator {
  const path = operatorPath(options);
  const places = {
    ...env,
    ...(options.netDir === undefined ? {} : { NETCONFPATH: options.netDir }),
    ...(options.cniPath === undefined ? {} : { CNI_PATH: options.cniPath }),
    ...(options.cacheDir === undefined ? {} : { CNI_CACHE_DIR: options.cacheDir }),
  };
  return async (args, { timeoutMs = TIMEOUT_MS } = {}) => {
    try {
      return answerOf(await run(path, args, { env: places, timeoutMs, maxBytes: MAX_BYTES }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { ok: false, problem: { message, next: 'flatnetctl doctor', exitCode: 3 } };
    }
  };
}

/** Beside this program, under the name that it was started by and under its own; else in PATH. */
function operatorPath({ flatnetctl }: Options): string {
  const started = process.argv0.includes('/') ? [dirname(process.argv0)] : [];
  const searched = [...started, dirname(process.execPath), ...(process.env['PATH'] ?? '').split(':').filter(Boolean)];
  const candidates = flatnetctl === undefined ? searched.map((folder) => join(folder, 'flatnetctl')) : [flatnetctl];
  const path = candidates.find(isExecutable);
  if (path !== undefined) return path;
  const reason = `${flatnetctl ?? `none of ${searched.join(' ')}`} has it: install flatnetctl, or give --flatnetctl PATH`;
  throw new ToolError('flatnetctl', 'missing', 'find the operator’s tool', reason);
}

function answerOf({ exitCode, stdout, stderr, ending }: RunResult): OperatorAnswer {
  const json = parsed(stdout);
  if (ending === 'exit' && exitCode === 0) return { ok: true, json };
  const message = /^Error: (.*)$/m.exec(stderr)?.[1];
  const next = /^Next: {2}(.*)$/m.exec(stderr)?.[1] ?? 'flatnetctl doctor';
  const problem = {
    message: message ?? (stderr.trim() || `flatnetctl ended: ${ending}`),
    next,
    exitCode: exitCode ?? 3,
  };
  return { ok: false, problem, ...(json === undefined ? {} : { json }) };
}

function parsed(text: string): unknown {
  try {
    return text.trim() === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}
