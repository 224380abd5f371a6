export type { Claim } from './adopt.ts';
export type { Choice, ClaimRequest } from './claim.ts';
export { StoreError, type StoreErrorKind } from './error.ts';
export { ipName, ipNameOf, ipOfName, type LeaseKey, networkFolder, segmentFolder } from './names.ts';
export { isRunning, realProcesses } from './process.ts';
export type { Lease } from './record.ts';
export type { LeaseStore, StoreOptions } from './lease-store.ts';
export { openStore } from './store.ts';
export type { StoreView } from './view.ts';
