import { ToolError, type ToolErrorKind } from '@flatnet/exec';

export const isKind = (error: unknown, ...kinds: readonly ToolErrorKind[]): boolean =>
  error instanceof ToolError && kinds.includes(error.kind);
