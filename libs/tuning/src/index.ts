/** Settings of a container's interface and namespace; what the verbs need of libc and of the disk comes with them. */
export { readIfThere } from '@flatnet/kernel/state';
export { openSys } from '@flatnet/sys/open';
export type { Sys } from '@flatnet/sys';
export { isKernelRefusal, TuningError } from './error.ts';
export * from './model.ts';
export * from './tune.ts';
