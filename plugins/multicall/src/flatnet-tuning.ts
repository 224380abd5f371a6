import { entry } from '@flatnet/plugin-tuning';
import { under } from './drop-in.ts';
import { runAs } from './run-as.ts';

void runAs(entry, under('tuning', entry));
