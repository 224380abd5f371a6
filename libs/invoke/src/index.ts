export * from './delegate.ts';
export * from './find-plugin.ts';
