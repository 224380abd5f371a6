export { DnsError } from './error.ts';
export { DEFAULT_STATE_DIR, DnsFolder } from './folder.ts';
export { differences } from './inspect.ts';
export * from './model.ts';
export { nameFault } from './name.ts';
export { ask, type Answer, type RecordType } from './query.ts';
export { collect, type Earlier, earlierOf, register, reload, type Reloaded, restore, unregister } from './register.ts';
export { servedAt } from './serve.ts';
export { realWorld, type World } from './world.ts';
