import type { Verb } from '@flatnet/cni';
import type { DefinedPlugin } from './define-plugin.ts';
import type { EarlyStart, Invocation } from './plugin.ts';

/** How an executable names a plugin. `load` is called for every verb but VERSION, which must not pay for modules. */
export interface PluginEntry {
  readonly name: string;
  /** One line for --help. */
  readonly about: string;
  load(): Promise<DefinedPlugin>;
  /** Whether ADD and CHECK enter CNI_NETNS, which then has to exist. */
  readonly entersNetns?: boolean;
  /**
   * Starts what takes long and changes nothing by itself, before the modules are loaded and the configuration is decoded. `json` is the
   * raw configuration. Never throws: the step that needs it says what is wrong.
   */
  startEarly?(
    json: Readonly<Record<string, unknown>>,
    verb: Exclude<Verb, 'VERSION'>,
    invocation: Invocation,
    cniPath: readonly string[],
  ): Promise<EarlyStart | undefined>;
}
