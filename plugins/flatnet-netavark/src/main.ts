import { runDriver } from './run-driver.ts';

void runDriver(process.argv.slice(2));
