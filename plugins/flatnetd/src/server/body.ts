/** The JSON of a request, within bounds. */
import type { IncomingMessage } from 'node:http';
import { HttpError } from './http-error.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 64;
const TIME_MS = 10_000;

/** @throws HttpError 400, 408, 413. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = new TextDecoder('utf-8', { fatal: true });
  let decoded: string;
  try {
    decoded = text.decode(await readBytes(request));
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'the body is not UTF-8', 'send JSON as UTF-8');
  }
  if (depthOf(decoded) > MAX_DEPTH)
    throw new HttpError(400, `the body is nested more than ${MAX_DEPTH} levels deep`, 'send a flatter document');
  try {
    return JSON.parse(decoded) as unknown;
  } catch {
    throw new HttpError(400, 'the body is not JSON', 'send one JSON object');
  }
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > MAX_BYTES) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  // A client that sends a byte a second would hold its place for ever.
  const timer = setTimeout(
    () => request.destroy(new HttpError(408, 'the body did not come in time', 'send it at once')),
    TIME_MS,
  );
  try {
    for await (const part of request) {
      size += (part as Buffer).length;
      if (size > MAX_BYTES) throw tooLarge();
      parts.push(part as Buffer);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(parts);
}

const tooLarge = (): HttpError => new HttpError(413, `the body is larger than ${MAX_BYTES} bytes`, 'send less');

/** How deep brackets are nested, outside of strings. A parser that recurses would be at the end of its stack before it finds out. */
export function depthOf(text: string): number {
  let [depth, deepest, isString] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isString) {
      if (char === '\\') at++;
      else if (char === '"') isString = false;
    } else if (char === '"') isString = true;
    else if (char === '{' || char === '[') deepest = Math.max(deepest, (depth += 1));
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}
