import { ShapeMisfit, type AddResult, type Explain, type Verb } from '@flatnet/cni';
import type {
  AddAnswer,
  AddRequest,
  BaseRequest,
  CheckRequest,
  DelRequest,
  GcRequest,
  Plugin,
  StatusRequest,
} from './plugin.ts';
import type { Rollback } from './rollback.ts';

/** A request before its configuration is known. */
export type Bare<R extends BaseRequest<unknown>> = Omit<R, 'config'>;

/** The handlers of a plugin over one decoded configuration, whose type only they know. */
export interface Handlers {
  add(request: Bare<AddRequest<unknown>>, rollback: Rollback): Promise<AddAnswer>;
  del(request: Bare<DelRequest<unknown>>): Promise<void>;
  check(request: Bare<CheckRequest<unknown>>): Promise<void>;
  gc(request: Bare<GcRequest<unknown>>): Promise<void>;
  status(request: Bare<StatusRequest<unknown>>): Promise<void>;
}

/** A plugin as the skeleton runs it. */
export interface DefinedPlugin {
  readonly knownArgs: readonly string[];
  /** Decodes the plugin configuration. @throws CniError code 7. */
  decode(json: Readonly<Record<string, unknown>>, verb: Verb): Promise<Handlers>;
}

/** `plugin` with the type of its configuration closed over: it travels from `decodeConfig` to the handlers and nowhere else. */
export function definePlugin<C, R extends AddAnswer = AddResult>(plugin: Plugin<C, R>): DefinedPlugin {
  return {
    knownArgs: plugin.knownArgs ?? [],
    decode: async (json, verb) => {
      const config = await configOf(plugin, json, verb);
      return {
        add: (request, rollback) => plugin.add({ ...request, config }, rollback),
        del: (request) => plugin.del({ ...request, config }),
        check: (request) => plugin.check({ ...request, config }),
        gc: (request) => plugin.gc({ ...request, config }),
        status: (request) => plugin.status({ ...request, config }),
      };
    },
  };
}

/** By the shape, and by the schema where the shape does not read the configuration: loading it costs more than the verb's own work. */
async function configOf<C>(
  { decodeConfig, loadSchema }: Pick<Plugin<C, AddAnswer>, 'decodeConfig' | 'loadSchema'>,
  json: Readonly<Record<string, unknown>>,
  verb: Verb,
): Promise<C> {
  try {
    return decodeConfig(json, verb);
  } catch (error) {
    if (!(error instanceof ShapeMisfit) || loadSchema === undefined) throw error;
    const { decodeRaw } = await loadSchema();
    // Both are of one plugin, so its decoder takes what its schema gives.
    return decodeConfig(json, verb, decodeRaw as Explain<never>);
  }
}
