import { entry } from '@flatnet/plugin-portmap';
import { under } from './drop-in.ts';
import { runAs } from './run-as.ts';

void runAs(entry, under('portmap', entry));
