import { runPlugin } from '@flatnet/skel/run';
import { entry } from './plugin-entry.ts';

void runPlugin(entry);
