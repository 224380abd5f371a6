import {
  CniError,
  ErrorCode,
  field,
  isSupportedVersion,
  NEWEST_VERSION,
  parseCniArgs,
  renderResult,
  type Attachment,
  type CniVersion,
  type Verb,
} from '@flatnet/cni';
// Not the whole lib: a plugin that runs no tool need not load node:child_process.
import { limitPrograms } from '@flatnet/exec/time-limit';
import { abortable, deadlinePassed, limitsOf, reasonOf, type Limits } from './deadline.ts';
import type { Bare, DefinedPlugin, Handlers } from './define-plugin.ts';
import { assertNetns, assertRequired, attachmentOf, cniPathOf, envForDel, verbOf } from './environment.ts';
import { failureOutcome, toCniError, withDetails } from './failure.ts';
import type { PluginEntry } from './entry.ts';
import type { AddRequest, BaseRequest, Invocation, Outcome } from './plugin.ts';
import { networkOf, prevResultOf, validAttachmentsOf, versionOf } from './request.ts';
import { Rollback } from './rollback.ts';
import { decodeStdin } from './stdin.ts';
import type { Trace } from './trace.ts';
import { answerVersion } from './version-answer.ts';

type Json = Readonly<Record<string, unknown>>;

const SUCCESS: Outcome = { exitCode: 0, stdout: '' };

export interface DispatchOptions {
  /** How the caller cuts the command short. An ADD is undone. */
  readonly abort?: AbortController;
  /** Default: those of a command that begins now. */
  readonly limits?: Limits;
}

/**
 * Runs one CNI command: environment and stdin in, exit code and stdout out. Never throws, prints or exits; what happened is noted
 * in `trace` for the log.
 */
export async function dispatch(
  entry: PluginEntry,
  invocation: Invocation,
  trace: Trace,
  { abort = new AbortController(), limits: given }: DispatchOptions = {},
): Promise<Outcome> {
  let version: CniVersion = NEWEST_VERSION;
  let deadline: NodeJS.Timeout | undefined;
  try {
    const verb = (trace.verb = verbOf(invocation.env));
    if (verb === 'VERSION') return answerVersion(invocation.stdin);
    const limits = given ?? limitsOf(verb, performance.now());
    limitPrograms(limits.work);
    const cut = (): void => abort.abort(deadlinePassed(verb, limits, trace.running));
    deadline = setTimeout(cut, Math.max(0, limits.work - performance.now()));
    assertRequired(invocation.env, verb);
    const json = decodeStdin(invocation.stdin);
    trace.logFile = field(json, 'logFile');
    const spoken = field(json, 'cniVersion');
    if (typeof spoken === 'string' && isSupportedVersion(spoken)) version = spoken;
    version = versionOf(json, verb);
    return await handle(entry, { verb, json, version, invocation, limits, signal: abort.signal }, trace);
  } catch (error) {
    trace.error = toCniError(error);
    return failureOutcome(trace.error, version);
  } finally {
    clearTimeout(deadline);
    limitPrograms(Number.POSITIVE_INFINITY);
  }
}

/** One command, its protocol part understood. */
interface Command {
  readonly verb: Exclude<Verb, 'VERSION'>;
  readonly json: Json;
  readonly version: CniVersion;
  readonly invocation: Invocation;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

async function handle(entry: PluginEntry, command: Command, trace: Trace): Promise<Outcome> {
  const { verb, json } = command;
  const { env } = command.invocation;
  const network = (trace.network = networkOf(json));
  const attachment = verb === 'GC' || verb === 'STATUS' ? undefined : (trace.attachment = attachmentOf(env));
  if (verb === 'ADD' || verb === 'CHECK') assertNetns(env, entry.entersNetns ?? false);
  const invocation = verb === 'DEL' ? { ...command.invocation, env: envForDel(env) } : command.invocation;
  const cniPath = cniPathOf(env);
  const early = await entry.startEarly?.(json, verb, invocation, cniPath);
  try {
    const plugin = await trace.phase('load', () => entry.load());
    const base: Bare<BaseRequest<unknown>> = {
      ...{ verb, network, cniPath, invocation },
      cniVersion: command.version,
      args: parseArgs(env['CNI_ARGS'] ?? '', plugin, verb),
      signal: command.signal,
      ...(early === undefined ? {} : { early }),
      phase: (name, work) => trace.phase(name, work),
      note: (text) => void (trace.note = text),
    };
    return await perform(await plugin.decode(json, verb), command, base, attachment);
  } finally {
    early?.kill();
  }
}

async function perform(
  handlers: Handlers,
  { verb, json, version, limits, signal }: Command,
  base: Bare<BaseRequest<unknown>>,
  attachment: Attachment | undefined,
): Promise<Outcome> {
  const netns = base.invocation.env['CNI_NETNS'];
  switch (verb) {
    case 'ADD': {
      const request = { ...base, attachment: attachment!, netns: netns!, ...(await previousOf(json, version)) };
      return add(handlers, request, field(json, 'prevResult'), limits);
    }
    case 'CHECK': {
      const request = { ...base, attachment: attachment!, netns: netns!, ...(await previousOf(json, version)) };
      await abortable(handlers.check(request), signal);
      return SUCCESS;
    }
    case 'DEL':
      await abortable(handlers.del({ ...base, attachment: attachment!, ...(netns ? { netns } : {}) }), signal);
      return SUCCESS;
    case 'GC': {
      const valid = validAttachmentsOf(json);
      await abortable(handlers.gc({ ...base, ...(valid === undefined ? {} : { validAttachments: valid }) }), signal);
      return SUCCESS;
    }
    case 'STATUS':
      await abortable(handlers.status(base), signal);
      return SUCCESS;
  }
}

const previousOf = async (json: Json, version: CniVersion): Promise<Pick<AddRequest<unknown>, 'prevResult'>> => {
  const prevResult = await prevResultOf(json, version);
  return prevResult === undefined ? {} : { prevResult };
};

/** DEL and GC must not fail for an argument that ADD would have refused. */
function parseArgs(text: string, { knownArgs }: DefinedPlugin, verb: Verb): ReadonlyMap<string, string> {
  try {
    return parseCniArgs(text, knownArgs);
  } catch (error) {
    if (verb === 'DEL' || verb === 'GC') return new Map();
    throw error;
  }
}

async function add(
  handlers: Handlers,
  request: Bare<AddRequest<unknown>>,
  rawPrevResult: unknown,
  { end }: Limits,
): Promise<Outcome> {
  const rollback = new Rollback();
  const undo = async (reason: CniError): Promise<CniError> => {
    // The work had its time; the undo has what is kept for it.
    limitPrograms(end);
    return withDetails(reason, await rollback.run(end));
  };
  try {
    const result = await abortable(handlers.add(request, rollback), request.signal);
    if (request.signal.aborted) throw request.signal.reason;
    const answer = result === request.prevResult ? passThrough(rawPrevResult, request.cniVersion) : undefined;
    const stdout = JSON.stringify(answer ?? renderResult(result, request.cniVersion));
    return { exitCode: 0, stdout, undo: (why) => undo(resultUnread(why)) };
  } catch (error) {
    throw await undo(toCniError(await reasonOf(error, request.signal)));
  }
}

/**
 * A caller that is killed while we work leaves us with a broken pipe, and the runtime's DEL may have come and gone before: an ADD undoes what
 * it made for nobody. (A delegate of flatnet answers into a file; flatnet-ipam looks after its parent instead.)
 */
function resultUnread(why: unknown): CniError {
  const { details, message } = toCniError(why);
  return new CniError(
    ErrorCode.ioFailure,
    'could not write the result',
    `${details === '' ? message : details}; it was undone`,
  );
}

/** A chained plugin that answers with its prevResult answers with the runtime's own JSON, whatever else stands in it. */
function passThrough(raw: unknown, version: CniVersion): object | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const own = field(raw as Json, 'cniVersion');
  return own === undefined || own === version ? { ...raw, cniVersion: version } : undefined;
}

/** For plugins that were given something that they cannot do without. */
export const missingField = (field: string, next: string): CniError =>
  new CniError(ErrorCode.invalidConfig, `missing ${field}`, next);
