import * as z from 'zod/mini';
import { CniError, ErrorCode } from './error.ts';
import { shown } from './shown.ts';

// For an object that it parses, zod compiles a function. That pays from the second time on; here there is no second time.
z.config({ jitless: true });

/**
 * An object schema of a network configuration: keys match case-insensitively, as Go's decoder does (an exact spelling wins
 * over a folded one), and unknown keys are dropped, since nothing may use what was not validated.
 */
export function configObject<const S extends z.core.$ZodLooseShape>(shape: S) {
  const spelling = new Map(Object.keys(shape).map((key) => [key.toLowerCase(), key]));
  const fold = (input: unknown): unknown => {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
    const folded = new Map<string, unknown>();
    for (const [key, value] of Object.entries(input)) {
      const known = spelling.get(key.toLowerCase());
      // Go reads null as "leave the default", so null is as good as absent.
      if (known === undefined || value === null) continue;
      if (key === known || !folded.has(known)) folded.set(known, value);
    }
    return Object.fromEntries(folded);
  };
  return z.pipe(z.transform(fold), z.object(shape));
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown => {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    const wanted = String(part).toLowerCase();
    value = Object.entries(value).find(([key]) => key.toLowerCase() === wanted)?.[1];
  }
  return value;
};

/**
 * Decodes `json` with `schema`.
 *
 * @throws CniError code 7 that names every field at fault, its value and what was expected.
 */
export function decode<S extends z.core.$ZodType>(schema: S, json: unknown, what: string): z.core.output<S> {
  const parsed = z.safeParse(schema, json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => {
    const field = pathOf(issue.path) || 'the whole object';
    return `${field} is ${shown(valueAt(json, issue.path))}: ${sentenceOf(issue)}`;
  });
  throw new CniError(ErrorCode.invalidConfig, `invalid ${what}`, issues.join('; '));
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message || issue.code;
  }
}
