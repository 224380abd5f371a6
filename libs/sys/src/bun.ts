import { SysUnavailable } from './error.ts';
import { type Koffi, libcByKoffi } from './koffi.ts';
import { type Libc, libcNames, SIGNATURES, sysOver } from './libc.ts';
import type { Sys } from './sys.ts';

/** What is used of the module bun:ffi. */
interface BunFfi {
  dlopen(name: string, symbols: object): { symbols: Record<string, (...args: never[]) => number> };
  read: { i32(pointer: number): number };
}

export interface BunSysOptions {
  /**
   * Path of koffi's prebuilt addon (`koffi.node`), for a process that may not make executable memory, which bun:ffi needs. It is read
   * only when bun:ffi has refused.
   */
  readonly koffiAddon?: string;
}

const TYPES: Readonly<Record<string, string>> = { i: 'i32', p: 'ptr', s: 'usize' };

/**
 * libc for a program under Bun. The module bun:ffi is asked for by name at run time, because a bundle that imports it cannot be loaded
 * under Node.
 *
 * @throws SysUnavailable where executable memory is forbidden and no addon of koffi is given, or where libc cannot be found.
 */
export function openBunSys(options: BunSysOptions = {}): Sys {
  const ffi = process.getBuiltinModule('bun:ffi') as BunFfi | undefined;
  if (ffi === undefined) throw new SysUnavailable('bun:ffi is not in this runtime: use @flatnet/sys/node under Node');
  try {
    return sysOver(libcByBun(ffi, process.arch));
  } catch (error) {
    if (!isJitForbidden(error)) throw error;
    if (options.koffiAddon !== undefined) return sysOver(libcByKoffi(loadAddon(options.koffiAddon), process.arch));
    throw new SysUnavailable(
      'this process may not make executable memory, which bun:ffi needs: ' +
        'allow it (systemd: MemoryDenyWriteExecute=no in the unit of the runtime that starts this program)',
      { cause: error },
    );
  }
}

function libcByBun(ffi: BunFfi, arch: string): Libc {
  const symbols: Record<string, { args: readonly string[]; returns: string }> = {
    __errno_location: { args: [], returns: 'ptr' },
  };
  for (const [name, signature] of Object.entries(SIGNATURES)) {
    symbols[name] = { args: [...signature].map((letter) => TYPES[letter] ?? ''), returns: 'i32' };
  }
  const { __errno_location: location, ...bound } = dlopen(ffi, libcNames(arch), symbols);
  if (location === undefined) throw new SysUnavailable('libc has no __errno_location');
  // errno is per thread, and JavaScript stays on its thread.
  const pointer = location();
  return { ...(bound as unknown as Omit<Libc, 'errno'>), errno: () => ffi.read.i32(pointer) };
}

function dlopen(ffi: BunFfi, names: readonly string[], symbols: object): Record<string, (...args: never[]) => number> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      return ffi.dlopen(name, symbols).symbols;
    } catch (error) {
      if (isJitForbidden(error)) throw error;
      failures.push(String(error));
    }
  }
  throw new SysUnavailable(`libc cannot be loaded (${failures.join('; ')})`);
}

const isJitForbidden = (error: unknown): boolean => error instanceof Error && /requires the JIT/i.test(error.message);

function loadAddon(path: string): Koffi {
  const holder = { exports: {} };
  try {
    process.dlopen(holder, path);
  } catch (error) {
    throw new SysUnavailable(
      `this process may not make executable memory, which bun:ffi needs, and ${path} cannot be loaded instead (${String(error)})`,
      { cause: error },
    );
  }
  return holder.exports as Koffi;
}
