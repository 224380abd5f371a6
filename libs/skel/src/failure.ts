import { CniError, ErrorCode, NEWEST_VERSION, type CniVersion } from '@flatnet/cni';
// Not the whole lib: a plugin that runs no tool need not load node:child_process.
import { ToolError, type ToolErrorKind } from '@flatnet/exec/tool-error';
import type { Outcome } from './plugin.ts';

const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** A later try may find the host with more to give. */
const PASSING = new Set<ToolErrorKind>(['timeout', 'aborted', 'busy', 'no-process', 'no-memory', 'no-descriptor']);

/** Debian's packages of the tools. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  nsenter: 'util-linux',
  sysctl: 'procps',
};

/** The next step after a tool's failure, as an imperative; undefined where its own words have to do. */
export function nextStepOf({ kind, tool }: ToolError): string | undefined {
  switch (kind) {
    case 'missing':
      // What loads libc says itself what is missing.
      if (tool === 'rtnetlink') return undefined;
      return `install the package ${PACKAGES[tool] ?? `of ${tool}`}`;
    case 'denied':
      return 'check its permissions, the mount options (noexec), and the security module of the host';
    case 'broken':
      return 'install it for the architecture of this host';
    case 'no-process':
      return 'raise the limit of processes of the calling service (TasksMax, pids.max, ulimit -u), or end some';
    case 'no-memory':
      return "free memory, or raise the calling service's limit (MemoryMax)";
    case 'no-descriptor':
      return 'raise the limit of open files of the calling service (LimitNOFILE, ulimit -n)';
    case 'too-long':
      return 'shorten the environment of the caller and the configuration';
    default:
      return undefined;
  }
}

function fromTool(error: ToolError): CniError {
  const code = PASSING.has(error.kind) ? ErrorCode.tryAgainLater : ErrorCode.ioFailure;
  const next = nextStepOf(error);
  const details = `${error.tool}: ${error.reason}${next === undefined ? '' : `; ${next}`}`;
  return new CniError(code, `could not ${error.doing}`, details, { cause: error });
}

/** Any failure as the protocol's error: tools and files by their own words, anything else as an internal error (999). */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  if (error instanceof ToolError) return fromTool(error);
  const text = error instanceof Error ? error.message : String(error);
  if (errnoOf(error) !== undefined)
    return new CniError(ErrorCode.ioFailure, 'input/output failure', text, { cause: error });
  return new CniError(ErrorCode.internal, 'internal error', `${text}; please report it with the configuration`, {
    cause: error,
  });
}

/** The same error with more to say after its details. */
export function withDetails(error: CniError, sentences: readonly string[]): CniError {
  if (sentences.length === 0) return error;
  const details = [error.details, ...sentences].filter((part) => part !== '').join('; ');
  return new CniError(error.code, error.message, details, { cause: error.cause });
}

/** The outcome that prints `error` (spec, "Error"). */
export function failureOutcome(error: CniError, version: CniVersion = NEWEST_VERSION): Outcome {
  const { code, message: msg, details } = error;
  return {
    exitCode: 1,
    stdout: JSON.stringify({ cniVersion: version, code, msg, ...(details === '' ? {} : { details }) }),
  };
}
