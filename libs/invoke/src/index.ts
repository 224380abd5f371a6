export * from './delegate.ts';
export * from './find-plugin.ts';
export * from './early-delegate.ts';
