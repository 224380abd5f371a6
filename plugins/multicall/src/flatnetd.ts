// `flatnetd` in the image.
import { runDaemon } from '@flatnet/flatnetd';

void runDaemon(process.argv.slice(2)).then((code) => process.exit(code));
