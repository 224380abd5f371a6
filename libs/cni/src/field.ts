type Json = Readonly<Record<string, unknown>>;

/** The value of `key` in a JSON object, matched as Go's decoder does: the exact spelling first, then any case; null counts as absent. */
export function field(json: Json, key: string): unknown {
  if (Object.hasOwn(json, key)) return json[key] ?? undefined;
  const wanted = key.toLowerCase();
  const folded = Object.keys(json).find((candidate) => candidate.toLowerCase() === wanted);
  return folded === undefined ? undefined : (json[folded] ?? undefined);
}

/** The JSON object under `key`, or undefined when there is none. */
export function objectField(json: Json, key: string): Json | undefined {
  const value = field(json, key);
  return isObject(value) ? value : undefined;
}

/** Whether `value` is a JSON object, which a list is not. */
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
