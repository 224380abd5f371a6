/**
 * The plugins under the names of the reference plugins (`flatnetctl install --drop-in`). A configuration that was written for those
 * means there what it meant: whatever it leaves out has the reference's default, not flatnet's.
 */
import type { PluginEntry } from '@flatnet/skel';

export type Json = Readonly<Record<string, unknown>>;

/** `entry` under the reference's `name`, which reads a configuration after `complete` has filled it in. */
export function under(name: string, entry: PluginEntry, complete: (json: Json) => Json = (json) => json): PluginEntry {
  return {
    ...entry,
    name,
    about: `${entry.about}; in place of the reference plugin`,
    load: async () => {
      const plugin = await entry.load();
      return { ...plugin, decode: (json, verb) => plugin.decode(complete(json), verb) };
    },
  };
}

/** Go decodes keys without regard to case; null, an empty text and an MTU of 0 leave the default. */
export function withDefaults(json: Json, defaults: Json): Json {
  const given = new Set(
    Object.entries(json)
      .filter(([, value]) => value !== null && value !== '' && value !== 0)
      .map(([key]) => key.toLowerCase()),
  );
  const missing = Object.entries(defaults).filter(([key]) => !given.has(key.toLowerCase()));
  return { ...json, ...Object.fromEntries(missing) };
}
