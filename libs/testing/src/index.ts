export * from './chain.ts';
export * from './file-changes.ts';
export * from './import-directions.ts';
export * from './killing-messages.ts';
export * from './leaks/find-leaks.ts';
export * from './leaks/take-inventory.ts';
export type { Inventory } from './leaks/fact.ts';
export * from './plugin-call.ts';
export * from './sandbox.ts';
