import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ignoring, isMissing, safeRead } from '@flatnet/kernel/state';

/**
 * Users of a thing that several attachments may share: one empty file per user, `<folder>/<thing>/<user>`, and no folder without a user.
 * A hint, never the truth: that is in the kernel. All names are hashes, numbers or validated names of interfaces.
 */
export class Users {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns whether `user` is the first one. */
  add(thing: string, user: string): boolean {
    const folder = join(this.#folder, thing);
    // A DEL of another container may remove the empty folder between these two.
    for (let attempt = 0; ; attempt += 1) {
      const first = !existsSync(folder);
      if (first) mkdirSync(folder, { recursive: true, mode: 0o700 });
      try {
        writeFileSync(join(folder, user), '', { mode: 0o600 });
        return first;
      } catch (error) {
        if (!isMissing(error) || attempt === 5) throw error;
      }
    }
  }

  /** @returns whether no user is left. */
  drop(thing: string, user: string): boolean {
    const folder = join(this.#folder, thing);
    ignoring(['ENOENT', 'ENOTDIR'], () => unlinkSync(join(folder, user)));
    for (const path of [folder, this.#folder]) ignoring(['ENOENT', 'ENOTEMPTY', 'ENOTDIR'], () => rmdirSync(path));
    return !existsSync(folder);
  }

  has(thing: string): boolean {
    return existsSync(join(this.#folder, thing));
  }

  things(): readonly string[] {
    return safeRead(() => readdirSync(this.#folder)) ?? [];
  }

  of(thing: string): readonly string[] {
    return safeRead(() => readdirSync(join(this.#folder, thing))) ?? [];
  }
}
