export { differencesOf, type Differences } from './differences.ts';
export { ensureRules, type EnsureOptions } from './ensure.ts';
export { hostEndsIn } from './host-ends.ts';
export { BRIDGE, INET, ownerOfChain } from './layout.ts';
export { type HostEnds, legacyNetworks } from './legacy.ts';
export { listTables, type Listing, ownedBy } from './listing.ts';
export * from './model.ts';
export { removeIdleTables, removeListed, removeRules, type RemoveOptions } from './remove.ts';
