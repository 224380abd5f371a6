import { openBunSys } from './bun.ts';
import { openNodeSys } from './node.ts';
import type { Sys } from './sys.ts';

let opened: Sys | undefined;

/** libc by the adapter of this runtime, bound once. @throws SysUnavailable. */
export const openSys = (): Sys => (opened ??= process.versions['bun'] === undefined ? openNodeSys() : openBunSys());
