export * from './blocking-run.ts';
export * from './environment.ts';
export * from './find-tool.ts';
export * from './held-program.ts';
export * from './run.ts';
export * from './spawn-run.ts';
export * from './time-limit.ts';
