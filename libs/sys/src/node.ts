import { createRequire } from 'node:module';
import { SysUnavailable } from './error.ts';
import { type Koffi, libcByKoffi } from './koffi.ts';
import { sysOver } from './libc.ts';
import type { Sys } from './sys.ts';

/**
 * libc for a program under Node, by the npm package koffi. It is loaded here and not at the import, so that a bundle without it beside
 * still answers everything that needs no kernel.
 *
 * @throws SysUnavailable where koffi or libc cannot be loaded.
 */
export function openNodeSys(): Sys {
  return sysOver(libcByKoffi(loadKoffi(), process.arch));
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch (error) {
    throw new SysUnavailable(
      `the npm package koffi cannot be loaded (${String(error)}): install it beside this file, or use the executables`,
      { cause: error },
    );
  }
}
