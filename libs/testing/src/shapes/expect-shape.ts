import * as fc from 'fast-check';
import { format, resolveConfig } from 'prettier';
import { expect } from 'vitest';
import * as z from 'zod/mini';
import { readShape, type Checks, type Shape } from '@flatnet/cni';
import { jsonNear } from './json-near.ts';
import { shapeOf } from './shape-of.ts';

export interface ShapeFile {
  /** The file that holds the shape, and the constant in it. */
  readonly path: string;
  readonly name: string;
  /** Where the file finds the type `Shape`. */
  readonly from?: string;
  readonly checks?: Checks;
}

/**
 * Expects that a file holds the shape of `schema`, and that both read the same: whatever JSON the shape reads, the schema reads as the
 * same value. `npx vitest run DIRECTORY -u` writes the file.
 */
export async function expectShape(schema: z.core.$ZodType, file: ShapeFile): Promise<void> {
  const { path, name, from = '@flatnet/cni', checks = {} } = file;
  const shape = shapeOf(schema, checks);
  const source = [
    '// Made from the schema by a test of this project: npx vitest run DIRECTORY -u',
    `import type { Shape } from '${from}';`,
    '',
    `export const ${name}: Shape = ${JSON.stringify(shape)};`,
  ].join('\n');
  await expect(await format(source, { ...(await resolveConfig(path)), parser: 'typescript' })).toMatchFileSnapshot(
    path,
  );
  expectSameReading(schema, shape, checks);
}

function expectSameReading(schema: z.core.$ZodType, shape: Shape, checks: Checks): void {
  let read = 0;
  fc.assert(
    fc.property(jsonNear(shape), (json) => {
      const value = readShape(shape, json, checks);
      const parsed = z.safeParse(schema, json);
      expect({ value, isRead: value !== undefined }).toEqual(
        parsed.success ? { value: parsed.data, isRead: true } : { value: undefined, isRead: false },
      );
      if (value !== undefined) read++;
    }),
    { numRuns: 300 },
  );
  expect(read, 'some of the JSON fits').toBeGreaterThan(10);
}
