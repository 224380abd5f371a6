import { entry } from '@flatnet/plugin-dns';
import { under } from './drop-in.ts';
import { runAs } from './run-as.ts';

void runAs(entry, under('dnsname', entry));
