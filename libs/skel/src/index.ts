export * from './dispatch.ts';
export * from './failure.ts';
export * from './plugin.ts';
export * from './rollback.ts';
export * from './run-plugin.ts';
export * from './trace.ts';
