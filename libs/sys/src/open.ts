import { openBunSys } from './bun.ts';
import { openNodeSys } from './node.ts';
import type { Sys } from './sys.ts';

/** libc by the adapter of this runtime. @throws SysUnavailable. */
export const openSys = (): Sys => (process.versions['bun'] === undefined ? openNodeSys() : openBunSys());
