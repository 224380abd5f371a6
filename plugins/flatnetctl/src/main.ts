import { runCli } from './cli.ts';
import { realWorld } from './world.ts';

void runCli(process.argv.slice(2), realWorld()).then((code) => process.exit(code));
