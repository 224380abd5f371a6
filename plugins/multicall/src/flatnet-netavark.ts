import { runDriver } from '@flatnet/plugin-netavark';

void runDriver(process.argv.slice(2));
