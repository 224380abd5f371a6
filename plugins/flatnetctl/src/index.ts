export { runCli } from './cli.ts';
export { realWorld } from './world.ts';
