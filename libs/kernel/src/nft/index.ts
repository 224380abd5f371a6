export * from './apply.ts';
export * from './commands.ts';
export * from './masquerade.ts';
