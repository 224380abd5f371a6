export * from './chain.ts';
export * from './file-changes.ts';
export * from './import-directions.ts';
export * from './killing-tools.ts';
export * from './leaks.ts';
export * from './plugin-call.ts';
export * from './sandbox.ts';
