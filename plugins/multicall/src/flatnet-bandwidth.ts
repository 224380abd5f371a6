import { entry } from '@flatnet/plugin-bandwidth';
import { under } from './drop-in.ts';
import { runAs } from './run-as.ts';

void runAs(entry, under('bandwidth', entry));
