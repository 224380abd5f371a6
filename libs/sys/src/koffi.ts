import { SysUnavailable } from './error.ts';
import { type Libc, libcNames, SIGNATURES } from './libc.ts';

/** What is used of koffi, by its package or by its bare addon. */
export interface Koffi {
  load(name: string): { func(name: string, result: string, parameters: readonly string[]): (...args: never) => number };
  errno(): number;
}

const TYPES: Readonly<Record<string, string>> = { i: 'int', p: 'uint8_t *', s: 'size_t' };

/** libc by koffi, which keeps errno of each call for us. @throws SysUnavailable. */
export function libcByKoffi(koffi: Koffi, arch: string): Libc {
  const library = load(koffi, libcNames(arch));
  const bound = Object.entries(SIGNATURES).map(([name, signature]) => [
    name,
    library.func(
      name,
      'int',
      [...signature].map((letter) => TYPES[letter] ?? ''),
    ),
  ]);
  return { ...(Object.fromEntries(bound) as Omit<Libc, 'errno'>), errno: () => koffi.errno() };
}

function load(koffi: Koffi, names: readonly string[]): ReturnType<Koffi['load']> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      return koffi.load(name);
    } catch (error) {
      failures.push(`${name}: ${String(error)}`);
    }
  }
  throw new SysUnavailable(`libc cannot be loaded (${failures.join('; ')})`);
}
