export { attach, type Earlier, earlierOf, restore } from './attach.ts';
export { collect, detach } from './detach.ts';
export {
  type AttachmentRecord,
  DEFAULT_STATE_DIR,
  type NetworkRecord,
  PolicyFolder,
  type WantedRules,
} from './folder.ts';
export * from './model.ts';
export { differences, lostRules, rebuild, type Rebuilt } from './rebuild.ts';
export { isReady } from './kernel-table.ts';
export { realWorld, type World } from './world.ts';
