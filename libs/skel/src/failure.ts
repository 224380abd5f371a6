import { CniError, ErrorCode, NEWEST_VERSION, type CniVersion } from '@flatnet/cni';
// Not the whole lib: a plugin that runs no tool need not load node:child_process.
import { ToolError } from '@flatnet/exec/tool-error';
import type { Outcome } from './plugin.ts';

const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

function fromTool(error: ToolError): CniError {
  const code =
    error.kind === 'timeout' || error.kind === 'aborted' || error.kind === 'busy'
      ? ErrorCode.tryAgainLater
      : ErrorCode.ioFailure;
  const next =
    error.kind === 'missing' ? `; install it (Debian package of "${error.tool}") or check its permissions` : '';
  return new CniError(code, `could not ${error.doing}`, `${error.tool}: ${error.reason}${next}`, { cause: error });
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
