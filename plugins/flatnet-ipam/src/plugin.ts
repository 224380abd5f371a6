import { definePlugin } from '@flatnet/skel';
import { add } from './add.ts';
import { check } from './check.ts';
import { decodeConfig } from './config.ts';
import { del } from './del.ts';
import { gc } from './gc.ts';
import { status } from './status.ts';

export const plugin = definePlugin({
  decodeConfig,
  loadSchema: () => import('./schema.ts'),
  add,
  del,
  check,
  gc,
  status,
});
