import { CniError, ErrorCode, isObject } from '@flatnet/cni';
import { MAX_STDIN_BYTES } from './read-stdin.ts';

const MAX_DEPTH = 64;

/** Depth of nesting, found before JSON.parse so that a hostile document cannot exhaust the stack of the code that walks it. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (inString) {
      if (char === '\\') index++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}

const refuse = (details: string, cause?: unknown): never => {
  throw new CniError(ErrorCode.decodingFailure, 'cannot decode the network configuration on stdin', details, { cause });
};

/** The JSON object on stdin. @throws CniError code 6: too large, not UTF-8, not JSON, nested too deeply, not an object. */
export function decodeStdin(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (bytes.length > MAX_STDIN_BYTES) refuse(`it is larger than ${MAX_STDIN_BYTES} bytes`);
  let json: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (depthOf(text) > MAX_DEPTH) refuse(`it is nested more than ${MAX_DEPTH} levels deep`);
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof CniError) throw error;
    const why = error instanceof Error ? error.message.slice(0, 200) : 'unreadable';
    refuse(bytes.length === 0 ? 'stdin is empty: the runtime has to write the plugin configuration there' : why, error);
  }
  return isObject(json) ? json : refuse('it is not a JSON object');
}
