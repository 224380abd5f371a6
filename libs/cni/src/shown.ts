const MAX_SHOWN = 200;

/** A value of a stranger in an error text: JSON-escaped and cut to 200 characters. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
