export * from './apply.ts';
export * from './commands.ts';
