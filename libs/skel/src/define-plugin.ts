import type { AddResult, Verb } from '@flatnet/cni';
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
  decode(json: Readonly<Record<string, unknown>>, verb: Verb): Handlers;
}

/** `plugin` with the type of its configuration closed over: it travels from `decodeConfig` to the handlers and nowhere else. */
export function definePlugin<C, R extends AddAnswer = AddResult>(plugin: Plugin<C, R>): DefinedPlugin {
  return {
    knownArgs: plugin.knownArgs ?? [],
    decode: (json, verb) => {
      const config = plugin.decodeConfig(json, verb);
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
