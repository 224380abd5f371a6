import { callPlugin, type Json, type PluginAnswer } from './plugin-call.ts';
import type { Sandbox } from './sandbox.ts';

/** A network configuration list, as in a .conflist file. */
export interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly (Json & { readonly type: string })[];
}

/** An attachment of the runtime's, with what it says about it. */
export interface Attachment {
  readonly containerId: string;
  readonly ifName: string;
  readonly netns: string;
  /** CNI_ARGS. */
  readonly args?: string;
  /** A program with arguments that runs each plugin: strace, timeout. */
  readonly under?: readonly string[];
  /** Values by capability; a plugin gets those that it declares (spec, "Deriving runtimeConfig"). */
  readonly capabilities?: Json;
}

/** A plugin of the chain answered with an error. */
export class ChainError extends Error {
  override readonly name = 'ChainError';
  constructor(
    readonly plugin: string,
    readonly verb: string,
    readonly answer: PluginAnswer,
  ) {
    super(`${plugin} ${verb}: ${answer.ending} ${answer.exitCode}: ${answer.stdout} ${answer.stderr}`);
  }
}

/** Runs a chain as libcni does. */
export interface Chain {
  /** Executes ADD from the first plugin to the last, and answers the last result, which is kept as libcni's cache keeps it. */
  add(attachment: Attachment): Promise<Json>;
  check(attachment: Attachment): Promise<void>;
  /** Executes DEL from the last plugin to the first, with the kept result. `netns` may be overridden: it can be gone. */
  del(attachment: Attachment): Promise<void>;
  gc(valid: readonly Pick<Attachment, 'containerId' | 'ifName'>[]): Promise<void>;
  status(): Promise<void>;
  /** Keeps a result that another chain answered: the network's file has changed since. */
  keep(attachment: Attachment, result: Json): void;
  /** Forgets the kept results, as a runtime does whose cache was lost. */
  forget(): void;
}

/** A chain whose plugins are found in `path` (default: ours, then Debian's). */
export function chainOf(sandbox: Sandbox, list: Conflist, path?: readonly string[]): Chain {
  const cache = new Map<string, Json>();
  const keyOf = (attachment: Attachment): string => `${attachment.containerId}:${attachment.ifName}`;

  const call = async (verb: string, index: number, extra: Json, attachment?: Attachment): Promise<Json | undefined> => {
    const plugin = list.plugins[index]!;
    const config = {
      ...plugin,
      ...runtimeConfig(plugin, attachment),
      name: list.name,
      cniVersion: list.cniVersion,
      ...extra,
    };
    const where = path === undefined ? {} : { path };
    const answer = await callPlugin(sandbox, { plugin: plugin.type, verb, config, ...where, ...attachment });
    if (answer.exitCode !== 0) throw new ChainError(plugin.type, verb, answer);
    return answer.json;
  };
  const indices = list.plugins.map((_, index) => index);
  const prevResult = (result: Json | undefined): Json => (result === undefined ? {} : { prevResult: result });
  const atLeast04 = !list.cniVersion.startsWith('0.3') && !/^0\.[12]/.test(list.cniVersion);

  return {
    async add(attachment) {
      let result: Json | undefined;
      for (const index of indices) result = await call('ADD', index, prevResult(result), attachment);
      cache.set(keyOf(attachment), result!);
      return result!;
    },
    async check(attachment) {
      const kept = prevResult(cache.get(keyOf(attachment)));
      for (const index of indices) await call('CHECK', index, kept, attachment);
    },
    async del(attachment) {
      const kept = atLeast04 ? prevResult(cache.get(keyOf(attachment))) : {};
      for (const index of indices.toReversed()) await call('DEL', index, kept, attachment);
      cache.delete(keyOf(attachment));
    },
    async gc(valid) {
      const attachments = valid.map(({ containerId, ifName }) => ({ containerID: containerId, ifname: ifName }));
      for (const index of indices) await call('GC', index, { 'cni.dev/valid-attachments': attachments });
    },
    async status() {
      for (const index of indices) await call('STATUS', index, {});
    },
    keep: (attachment, result) => void cache.set(keyOf(attachment), result),
    forget: () => cache.clear(),
  };
}

function runtimeConfig(plugin: Json, attachment: Attachment | undefined): Json {
  const declared = (plugin['capabilities'] ?? {}) as Record<string, boolean>;
  const given = Object.entries(attachment?.capabilities ?? {}).filter(([name]) => declared[name] === true);
  return given.length === 0 ? {} : { runtimeConfig: Object.fromEntries(given) };
}
