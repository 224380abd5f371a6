/** Exit codes of flatnetctl. */
export const Exit = { ok: 0, problem: 1, usage: 2, environment: 3 } as const;
export type ExitCode = (typeof Exit)[keyof typeof Exit];

/** What stops a command. `next` is the one step that the user can take: a command, or a thing to change. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';

  constructor(
    readonly exit: ExitCode,
    message: string,
    readonly next: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const problem = (message: string, next: string, cause?: unknown): OperatorError =>
  new OperatorError(Exit.problem, message, next, { cause });

export const usage = (message: string, next: string): OperatorError => new OperatorError(Exit.usage, message, next);

export const environment = (message: string, next: string, cause?: unknown): OperatorError =>
  new OperatorError(Exit.environment, message, next, { cause });

/** The errno name of a failed system call, or undefined. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Turns a refused system call on `path` into the environment's failure that it is. */
export function refused(doing: string, path: string, error: unknown): OperatorError {
  const errno = errnoOf(error);
  const next =
    errno === 'EACCES' || errno === 'EPERM'
      ? 'run it as root'
      : errno === 'EROFS'
        ? `${path} is on a read-only file system: choose another directory`
        : errno === 'ENOSPC'
          ? `make room on the file system of ${path}`
          : `look at ${path}`;
  return environment(`cannot ${doing} ${path}: ${errno ?? String(error)}`, next, error);
}
