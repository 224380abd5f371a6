import { entry } from '@flatnet/plugin-firewall';
import { under } from './drop-in.ts';
import { runAs } from './run-as.ts';

void runAs(entry, under('firewall', entry));
