import { readFileSync, readSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Run } from '@flatnet/exec';
import { kernelOver, type Kernel } from '@flatnet/kernel';
import { execaRunApart } from '@flatnet/exec/execa';
import type { HostSide } from './bridges/host-side.ts';
import { errnoOf } from './failure.ts';
import { openShaping, type Shaping } from './limit/shaping.ts';
import { type HostNames, hostNames } from './names/names.ts';
import { type HostPolicies, hostPolicies } from './policy/policies.ts';
import type { PluginSchemas } from './schema/conflist-schema.ts';

/** All that a command touches outside of the file system. */
export interface World {
  readonly run: Run;
  readonly kernel: Kernel;
  /** Limits of bandwidth: nothing is opened before it is used. */
  readonly shaping: () => Shaping;
  /** Names of containers. */
  readonly names: HostNames;
  readonly policies: HostPolicies;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes to stdout. */
  readonly out: (text: string) => void;
  /** Whether stdout is still read: what repeats its output ends with its reader. */
  readonly isRead: () => boolean;
  /** Writes to stderr. */
  readonly err: (text: string) => void;
  /** Whether stdout is a terminal that wants colours. */
  readonly colour: boolean;
  readonly stdin: () => string;
  readonly now: () => Date;
  readonly isRoot: boolean;
  /** What the plugins of this image decode with. */
  readonly pluginSchemas?: PluginSchemas;
  /** The main plugin's knowledge of what an attachment has on the host. */
  readonly hostSide?: HostSide;
  /** Asks on the terminal; absent where there is none. */
  readonly confirm?: (question: string) => boolean;
}

/**
 * Writes all of `text`. @returns false: its reader is gone. `process.stdout` would cut it at 64 KiB when the process exits, and under Bun it leaves O_NONBLOCK on the
 * caller's pipe.
 */
function write(descriptor: 1 | 2, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      // `flatnetctl … | head`: the reader has what it wanted.
      if (errnoOf(error) === 'EPIPE') return false;
      if (errnoOf(error) !== 'EAGAIN') throw error;
    }
  }
  return true;
}

/** Reads one line of the terminal. Only `y` and `yes` agree: an empty line, or the end of input, is a no. */
function ask(question: string): boolean {
  write(2, `${question} [y/N] `);
  const bytes = Buffer.alloc(256);
  const size = readSync(0, bytes);
  return /^\s*y(?:es)?\s*$/i.test(bytes.toString('utf8', 0, size));
}

export const realWorld = (): World => {
  let isRead = true;
  return {
    run: execaRunApart,
    kernel: kernelOver(execaRunApart),
    shaping: openShaping,
    names: hostNames,
    policies: hostPolicies,
    env: process.env,
    out: (text) => void (isRead = write(1, text)),
    isRead: () => isRead,
    err: (text) => void write(2, text),
    colour: isatty(1) && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
    stdin: () => readFileSync(0, 'utf8'),
    now: () => new Date(),
    isRoot: process.geteuid?.() === 0,
    ...(isatty(0) && isatty(2) ? { confirm: ask } : {}),
  };
};
