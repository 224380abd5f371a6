export { applyPlan, planApply, type Refused } from './apply.ts';
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
export { type AttachmentSurvey, type NetworkSurvey, survey } from './survey.ts';
export { isReady } from './kernel-table.ts';
export { realWorld, type World } from './world.ts';
