export { DNS_PORT } from './conf.ts';
export { deadServers } from './dead-servers.ts';
export { DnsError } from './error.ts';
export { DEFAULT_STATE_DIR, DnsFolder } from './folder.ts';
export * from './model.ts';
export { nameFault } from './name.ts';
export { inputObstacle } from './obstacle.ts';
export { ask, type Answer, type RecordType } from './query.ts';
export {
  collect,
  type Earlier,
  earlierOf,
  register,
  reload,
  type Reloaded,
  restore,
  unregister,
  unregisterAll,
} from './register.ts';
export { differences, survey, type ZoneSurvey } from './survey.ts';
export { realWorld, type World } from './world.ts';
