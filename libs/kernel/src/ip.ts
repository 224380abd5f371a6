import { ToolError, type RunResult, type ToolErrorKind } from '@flatnet/exec';
import { renderBatch, type IpCommand } from './batch.ts';
import type { Kernel } from './kernel.ts';
import { ipCommand } from './netns.ts';

/** A failed `ip` batch. `failed` is the index of the command that failed; those before it took effect, those after did not run. */
export class IpError extends ToolError {
  constructor(
    kind: ToolErrorKind,
    doing: string,
    cause: string,
    readonly failed: number | undefined,
  ) {
    super('ip', kind, doing, cause);
  }
}

/** What `ip` says, and what it means. Order matters: "exchange full" is a bridge with 1,024 ports (EXFULL). */
const MEANINGS: readonly (readonly [RegExp, ToolErrorKind])[] = [
  [/File exists|already assigned/, 'exists'],
  [/Cannot find device|No such device|No such process|does not exist|Cannot assign requested address/, 'not-found'],
  [/Cannot open network namespace|No such file or directory/, 'not-found'],
  [/Device or resource busy|Resource temporarily unavailable|Interrupted system call/, 'busy'],
];

/** The listing was cut by a concurrent change; `ip` says so on stderr and ends with 0. */
const INTERRUPTED = 'Dump was interrupted';
const LISTING_TRIES = 5;

/**
 * Runs `commands` as one `ip -batch -` in the namespace at `netns` (or here). It stops at the first that fails.
 *
 * @param doing what this is for, for the error text: "attach veth fl12 to bridge br0".
 * @param family 6 for what cannot tell its family from its words: rules, and listings of routes.
 * @returns what it printed, which only listings among the commands do.
 * @throws IpError (or ToolError when ip or nsenter is missing).
 */
export async function applyIp(
  kernel: Kernel,
  doing: string,
  commands: readonly IpCommand[],
  netns?: string,
  family?: 6,
): Promise<string> {
  if (commands.length === 0) return '';
  const [file, args] = ipCommand([...(family === 6 ? ['-6'] : []), '-batch', '-'], netns);
  const result = await kernel.run(file, args, { input: renderBatch(commands) });
  if (succeeded(result)) return result.stdout;
  throw ipFailure(result, doing);
}

/**
 * Runs `commands` as `applyIp` does, and answers what their listings print as JSON: what is asked costs no process of its own.
 *
 * @throws as `applyIp`.
 */
export async function applyAndList(
  kernel: Kernel,
  doing: string,
  commands: readonly IpCommand[],
): Promise<readonly Record<string, unknown>[]> {
  const [file, args] = ipCommand(['-j', '-batch', '-']);
  const result = await kernel.run(file, args, { input: renderBatch(commands) });
  if (!succeeded(result)) throw ipFailure(result, doing);
  return parseListing(result.stdout, doing);
}

/**
 * Runs `ip -j` with `args` and answers what it printed.
 *
 * @throws IpError; kind `not-found` when the object does not exist.
 */
export async function queryIp(
  kernel: Kernel,
  doing: string,
  args: readonly string[],
  netns?: string,
): Promise<readonly Record<string, unknown>[]> {
  const [file, words] = ipCommand(['-j', ...args], netns);
  for (let left = LISTING_TRIES; ; left--) {
    const result = await kernel.run(file, words);
    if (!succeeded(result)) throw ipFailure(result, doing);
    if (!result.stderr.includes(INTERRUPTED) || left <= 1) return parseListing(result.stdout, doing);
  }
}

const succeeded = (result: RunResult): boolean => result.ending === 'exit' && result.exitCode === 0;

/** `ip -j` prints `[{},{…}]` for filtered listings, and nothing at all for some empty ones. */
function parseListing(stdout: string, doing: string): readonly Record<string, unknown>[] {
  if (stdout.trim() === '') return [];
  try {
    const parsed: unknown = JSON.parse(stdout);
    if (Array.isArray(parsed)) return parsed.filter((entry) => entry !== null && Object.keys(entry).length > 0);
  } catch {
    // Not JSON: falls through to the error.
  }
  throw new IpError('failed', doing, `ip printed no JSON list: ${JSON.stringify(stdout.slice(0, 200))}`, undefined);
}

/** What a failed `ip` says, as an error. */
export function ipFailure(result: RunResult, doing: string): IpError {
  if (result.ending === 'timeout') return new IpError('timeout', doing, 'no answer in time; it was killed', undefined);
  if (result.ending === 'overflow') return new IpError('overflow', doing, 'its answer is too large', undefined);
  if (result.ending === 'aborted') return new IpError('aborted', doing, 'the command was cut short', undefined);
  const said = result.stderr.trim();
  const line = /Command failed -:(\d+)/.exec(said)?.[1];
  const cause =
    said.replace(/\s*Command failed -:\d+\s*/, '').replace(/\s*\n\s*/g, '; ') || `exit code ${result.exitCode}`;
  const kind = MEANINGS.find(([pattern]) => pattern.test(said))?.[1] ?? 'failed';
  return new IpError(kind, doing, cause.slice(0, 400), line === undefined ? undefined : Number(line) - 1);
}
