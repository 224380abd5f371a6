export * from './define-plugin.ts';
export * from './dispatch.ts';
export * from './entry.ts';
export * from './failure.ts';
export * from './plugin.ts';
export * from './rollback.ts';
export * from './trace.ts';
export * from './run-all.ts';
