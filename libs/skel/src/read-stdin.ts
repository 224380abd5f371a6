import { closeSync, constants } from 'node:fs';
import { kindOf, readUntil, reopen, type Input } from './descriptors.ts';

/** A configuration is a few KiB; more is refused. */
export const MAX_STDIN_BYTES = 1024 * 1024;

/**
 * All of stdin, or one byte more than the cap; what has come until the time `until` (performance.now()) if its writer keeps it open. A closed
 * stdin is an empty one.
 */
export async function readStdin(until: number, isEnough?: (bytes: Buffer) => boolean): Promise<Input> {
  const kind = kindOf(0);
  if (kind === undefined) return { bytes: Buffer.alloc(0), ended: true };
  const canWait = kind.isFIFO() || kind.isCharacterDevice();
  const own = canWait ? reopen(0, constants.O_RDONLY) : undefined;
  if (own === undefined && (kind.isSocket() || kind.isFIFO())) return readStream(until, isEnough);
  try {
    return readUntil(own ?? 0, MAX_STDIN_BYTES, until, isEnough);
  } finally {
    if (own !== undefined) closeSync(own);
  }
}

/** For a socket, as programs of Node give it: it cannot be opened again. A stream costs 1.5 ms under Bun. */
function readStream(until: number, isEnough?: (bytes: Buffer) => boolean): Promise<Input> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (ended: boolean): void => {
      clearTimeout(timer);
      process.stdin.removeAllListeners();
      process.stdin.pause();
      resolve({ bytes: Buffer.concat(chunks), ended });
    };
    const timer = setTimeout(() => settle(false), Math.max(0, until - performance.now()));
    process.stdin.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_STDIN_BYTES || isEnough?.(Buffer.concat(chunks))) settle(true);
    });
    process.stdin.on('end', () => settle(true));
    process.stdin.on('error', () => settle(true));
  });
}
