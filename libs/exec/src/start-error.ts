import { ToolError, type ToolErrorKind } from './run.ts';

/** Why execve(2), fork(2) or a pipe before them failed. What is not named here has no next step of its own. */
const KINDS: Readonly<Record<string, ToolErrorKind>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  ENOEXEC: 'broken',
  ELIBBAD: 'broken',
  EAGAIN: 'no-process',
  ENOMEM: 'no-memory',
  EMFILE: 'no-descriptor',
  ENFILE: 'no-descriptor',
  E2BIG: 'too-long',
};

/** The failure to start the program at `path`, by the system's error. */
export function startError(path: string, error: unknown): ToolError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = error instanceof Error ? error.message : String(error);
  return new ToolError(nameOf(path), KINDS[code] ?? 'not-started', `start ${path}`, reason);
}

/** For a tool that is in none of the directories of tools. */
export const notInstalled = (tool: string): ToolError =>
  new ToolError(tool, 'missing', `start ${tool}`, 'it is not installed');

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
