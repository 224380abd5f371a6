import type { IpamResult } from '@flatnet/cni';
import type { Plugin } from '@flatnet/skel';
import { add } from './add.ts';
import { check } from './check.ts';
import { decodeConfig, type Config } from './config.ts';
import { del } from './del.ts';
import { gc } from './gc.ts';
import { status } from './status.ts';

export const plugin: Plugin<Config, IpamResult> = { decodeConfig, add, del, check, gc, status };
