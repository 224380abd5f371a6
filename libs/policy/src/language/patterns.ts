/** Names, and patterns of names with `*` at an end. Pure. */
import { textAt } from './reader.ts';

/** Names of policies, containers and networks; without the end of a line, which `$` would pass. */
export const NAME = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,252}$(?!\n)/;

/** A name with `*` at its beginning, its end or both. @throws PolicyFault. */
export const readPattern = (field: string, value: unknown): string =>
  textAt(field, value, /^(?:\*|\*?[a-zA-Z0-9_.-]{1,253}\*?)$(?!\n)/, 'a name, with * only at an end');

/** Whether one of a container's names and aliases fits. */
export function matches(pattern: string, names: readonly string[]): boolean {
  if (pattern === '*') return true;
  const core = pattern.replaceAll('*', '');
  const [isOpenStart, isOpenEnd] = [pattern.startsWith('*'), pattern.endsWith('*')];
  return names.some((name) => {
    if (isOpenStart && isOpenEnd) return name.includes(core);
    if (isOpenStart) return name.endsWith(core);
    return isOpenEnd ? name.startsWith(core) : name === core;
  });
}
