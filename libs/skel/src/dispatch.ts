import {
  CniError,
  ErrorCode,
  isSupportedVersion,
  NEWEST_VERSION,
  parseCniArgs,
  renderResult,
  type Attachment,
  type CniVersion,
  type Verb,
} from '@flatnet/cni';
import { abortable, COMMAND_DEADLINE_MS, deadlinePassed, reasonOf } from './deadline.ts';
import { assertNetns, assertRequired, attachmentOf, cniPathOf, verbOf } from './environment.ts';
import { failureOutcome, toCniError, withDetails } from './failure.ts';
import type { AddAnswer, AddRequest, BaseRequest, Invocation, Outcome, Plugin, PluginEntry } from './plugin.ts';
import { networkOf, prevResultOf, validAttachmentsOf, versionOf } from './request.ts';
import { Rollback } from './rollback.ts';
import { decodeStdin, topLevel } from './stdin.ts';
import type { Trace } from './trace.ts';
import { answerVersion } from './version-answer.ts';

type Json = Readonly<Record<string, unknown>>;
type AnyPlugin = Plugin<unknown, AddAnswer>;

const SUCCESS: Outcome = { exitCode: 0, stdout: '' };

/**
 * Runs one CNI command: environment and stdin in, exit code and stdout out. Never throws, prints or exits; what happened is noted
 * in `trace` for the log. `abort` is how a signal handler cuts an ADD short.
 */
export async function dispatch(
  entry: PluginEntry,
  invocation: Invocation,
  trace: Trace,
  abort: AbortController = new AbortController(),
): Promise<Outcome> {
  let version: CniVersion = NEWEST_VERSION;
  const deadline = setTimeout(() => abort.abort(deadlinePassed()), COMMAND_DEADLINE_MS);
  try {
    const verb = (trace.verb = verbOf(invocation.env));
    if (verb === 'VERSION') return answerVersion();
    assertRequired(invocation.env, verb);
    const json = decodeStdin(invocation.stdin);
    trace.logFile = topLevel(json, 'logFile');
    const spoken = topLevel(json, 'cniVersion');
    if (typeof spoken === 'string' && isSupportedVersion(spoken)) version = spoken;
    version = versionOf(json, verb);
    return await handle(entry, { verb, json, version, invocation, signal: abort.signal }, trace);
  } catch (error) {
    trace.error = toCniError(error);
    return failureOutcome(trace.error, version);
  } finally {
    clearTimeout(deadline);
  }
}

/** One command, its protocol part understood. */
interface Command {
  readonly verb: Exclude<Verb, 'VERSION'>;
  readonly json: Json;
  readonly version: CniVersion;
  readonly invocation: Invocation;
  readonly signal: AbortSignal;
}

async function handle(entry: PluginEntry, command: Command, trace: Trace): Promise<Outcome> {
  const { verb, json, invocation } = command;
  const { env } = invocation;
  const network = (trace.network = networkOf(json));
  const attachment = verb === 'GC' || verb === 'STATUS' ? undefined : (trace.attachment = attachmentOf(env));
  if (attachment !== undefined) assertNetns(env, verb !== 'DEL');
  const cniPath = cniPathOf(env);
  const prepared = await entry.prepare?.(json, verb, invocation, cniPath);
  try {
    // `PluginEntry` hides the configuration's type; from here on it only travels from decodeConfig to the handlers.
    const plugin = (await trace.phase('load', () => entry.load())) as unknown as AnyPlugin;
    const base: BaseRequest<unknown> = {
      ...{ verb, network, cniPath, invocation },
      cniVersion: command.version,
      config: plugin.decodeConfig(json, verb),
      args: parseArgs(env['CNI_ARGS'] ?? '', plugin, verb),
      signal: command.signal,
      ...(prepared === undefined ? {} : { prepared }),
      phase: (name, work) => trace.phase(name, work),
      note: (text) => void (trace.note = text),
    };
    return await perform(plugin, command, base, attachment);
  } finally {
    prepared?.drop();
  }
}

async function perform(
  plugin: AnyPlugin,
  { verb, json, version, invocation, signal }: Command,
  base: BaseRequest<unknown>,
  attachment: Attachment | undefined,
): Promise<Outcome> {
  const netns = invocation.env['CNI_NETNS'];
  switch (verb) {
    case 'ADD': {
      const request = { ...base, attachment: attachment!, netns: netns!, ...previousOf(json, version) };
      return add(plugin, request, topLevel(json, 'prevResult'));
    }
    case 'CHECK': {
      const request = { ...base, attachment: attachment!, netns: netns!, ...previousOf(json, version) };
      await abortable(plugin.check(request), signal);
      return SUCCESS;
    }
    case 'DEL':
      await abortable(plugin.del({ ...base, attachment: attachment!, ...(netns ? { netns } : {}) }), signal);
      return SUCCESS;
    case 'GC': {
      const valid = validAttachmentsOf(json);
      await abortable(plugin.gc({ ...base, ...(valid === undefined ? {} : { validAttachments: valid }) }), signal);
      return SUCCESS;
    }
    case 'STATUS':
      await abortable(plugin.status(base), signal);
      return SUCCESS;
  }
}

const previousOf = (json: Json, version: CniVersion): Pick<AddRequest<unknown>, 'prevResult'> => {
  const prevResult = prevResultOf(json, version);
  return prevResult === undefined ? {} : { prevResult };
};

/** DEL must not fail for an argument that ADD would have refused. */
function parseArgs(text: string, plugin: AnyPlugin, verb: Verb): ReadonlyMap<string, string> {
  try {
    return parseCniArgs(text, plugin.knownArgs);
  } catch (error) {
    if (verb === 'DEL') return new Map();
    throw error;
  }
}

async function add(plugin: AnyPlugin, request: AddRequest<unknown>, rawPrevResult: unknown): Promise<Outcome> {
  const rollback = new Rollback();
  try {
    const result = await abortable(plugin.add(request, rollback), request.signal);
    if (request.signal.aborted) throw request.signal.reason;
    const answer = result === request.prevResult ? passThrough(rawPrevResult, request.cniVersion) : undefined;
    const stdout = JSON.stringify(answer ?? renderResult(result, request.cniVersion));
    return { exitCode: 0, stdout, takeBack: async (why) => withDetails(unheard(why), await rollback.run()) };
  } catch (error) {
    const reason = await reasonOf(error, request.signal);
    throw withDetails(toCniError(reason), await rollback.run());
  }
}

/**
 * A caller that is killed while we work leaves us with a broken pipe, and the runtime's DEL may have come and gone before. Whoever made
 * something for nobody takes it back itself. (A delegate of flatnet answers into a file; flatnet-ipam looks after its parent instead.)
 */
const unheard = (why: unknown): CniError =>
  new CniError(ErrorCode.ioFailure, 'could not write the result', `${toCniError(why).details}; it was undone`);

/** A chained plugin that answers with its prevResult answers with the runtime's own JSON, whatever else stands in it. */
function passThrough(raw: unknown, version: CniVersion): object | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const own = topLevel(raw as Json, 'cniVersion');
  return own === undefined || own === version ? { ...raw, cniVersion: version } : undefined;
}

/** For plugins that were given something that they cannot do without. */
export const missingField = (field: string, next: string): CniError =>
  new CniError(ErrorCode.invalidConfig, `missing ${field}`, next);
