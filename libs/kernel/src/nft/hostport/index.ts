export { PortHeld } from './conflict.ts';
export { forgetOrphanedFlows, forgetStaleFlows } from './flows.ts';
export { collect, missingPublications } from './inspect.ts';
export * from './model.ts';
export { type Orphan, type Overview, overview, type Standing } from './overview.ts';
export { type Published, publish, reload, type Reloaded, withdraw } from './publish.ts';
export { DEFAULT_STATE_DIR, isDead, netnsIdOf, type PublishRecord, Records } from './record.ts';
