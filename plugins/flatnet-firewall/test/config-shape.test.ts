import { join } from 'node:path';
import { it } from 'vitest';
import { expectShape } from '@flatnet/testing/shapes';
import { configSchema } from '../src/schema.ts';

it('the shape is that of the schema', async () => {
  await expectShape(configSchema(), {
    path: join(import.meta.dirname, '../src/config-shape.ts'),
    name: 'configShape',
  });
});
