export * from './dispatch.ts';
export * from './failure.ts';
export * from './plugin.ts';
export * from './rollback.ts';
export * from './trace.ts';
export { topLevel } from './stdin.ts';
