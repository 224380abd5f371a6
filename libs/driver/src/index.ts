export * from './answer.ts';
export * from './attachment.ts';
export * from './chain.ts';
export * from './containers-conf.ts';
export * from './folder.ts';
export * from './network.ts';
export { OPTION_VALUES } from './options.ts';
export * from './record.ts';
export { refuse } from './refuse.ts';
