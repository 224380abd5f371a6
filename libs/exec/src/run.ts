/** One program to run: an absolute path or a bare name that `findTool` resolves, and arguments that never see a shell. */
export interface RunOptions {
  /** Written to stdin, which is then closed. Without it stdin is /dev/null. */
  readonly input?: string | Uint8Array;
  /** The whole environment of the program. Default: `LC_ALL=C` and a fixed PATH, nothing of the caller's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Milliseconds until SIGKILL. Default 5,000; `runConcurrently` gives up to 30,000 to a program that is at work then, not asleep. Default
   * of `runSync`, which cannot look: 20,000. What `limitPrograms` leaves is the most.
   */
  readonly timeoutMs?: number;
  /** Bytes of stdout (and of stderr) until SIGKILL. Default 4 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** How a program ended. Never a rejection for a non-zero exit: the caller decides what it means. */
export interface RunResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ending: 'exit' | 'signal' | 'timeout' | 'overflow' | 'aborted';
}

/** Runs `file` with `args`; rejects with a ToolError of `startError` only if it could not be started. */
export type Run = (file: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>;

/** Why a tool did not do its work. `kind` is what callers branch on, once classified at this edge. */
export type ToolErrorKind =
  // It could not be started (start-error.ts).
  | 'missing'
  | 'denied'
  | 'broken'
  | 'no-process'
  | 'no-memory'
  | 'no-descriptor'
  | 'too-long'
  | 'not-started'
  // It was started.
  | 'failed'
  | 'timeout'
  | 'overflow'
  | 'aborted'
  | 'not-found'
  | 'exists'
  | 'busy';

/** A tool (ip, nft, conntrack, sysctl …) could not be run or failed. The skeleton turns it into a CNI error that names the tool. */
export class ToolError extends Error {
  override readonly name = 'ToolError';

  constructor(
    readonly tool: string,
    readonly kind: ToolErrorKind,
    /** What was being done, for people: "create veth fl1234 on bridge br0". */
    readonly doing: string,
    /** The tool's own words (stderr, cut), or the system error. */
    readonly reason: string,
  ) {
    super(`${tool}: ${doing}: ${reason}`);
  }
}
