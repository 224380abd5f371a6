export * from './environment.ts';
export * from './find-tool.ts';
export * from './run.ts';
export * from './run-concurrently.ts';
export * from './run-sync.ts';
export * from './start-error.ts';
export * from './suspended-child.ts';
export * from './time-limit.ts';
