export * from './apply.ts';
export * from './commands.ts';
export * from './guard.ts';
export * from './masquerade.ts';
export * from './mss.ts';
export { type GuardedPort, guardRules, portChain } from './spoof.ts';
