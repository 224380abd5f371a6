import * as z from 'zod/mini';
import { HttpError } from './http-error.ts';

/** A value by its schema. @throws HttpError 400 that names the field. */
export function decodeBody<T>(schema: z.ZodMiniType<T>, value: unknown): T {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || 'the body';
  throw new HttpError(400, `${field} is not as it must be`, issue?.message ?? 'GET /openapi.json');
}
