import { join } from 'node:path';
import { it } from 'vitest';
import { expectShape } from '@flatnet/testing/shapes';
import { checks } from '../src/checks.ts';
import { wholeSchema } from '../src/schema.ts';

it('the shape is that of the schema', async () => {
  await expectShape(wholeSchema(), {
    path: join(import.meta.dirname, '../src/config-shape.ts'),
    name: 'configShape',
    checks,
  });
});
