import { operator } from './operator-entry.ts';

void operator.run(process.argv.slice(2)).then((code) => process.exit(code));
