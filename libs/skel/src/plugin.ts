import type { AddResult, Attachment, CniError, CniVersion, Explain, IpamResult, Verb } from '@flatnet/cni';
import type { Rollback } from './rollback.ts';

/** What the runtime handed over: the process environment and the bytes of stdin. */
export interface Invocation {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Uint8Array;
  /** The descriptor that `stdin` was read from to its end, as a path: free for another use. */
  readonly reusableStdin?: string;
  /** Passes on what a delegated plugin wrote to stderr. */
  readonly stderr?: (text: string) => void;
}

/** What the process has to do: write `stdout` (complete), then exit. */
export interface Outcome {
  readonly exitCode: 0 | 1;
  readonly stdout: string;
  /** ADD: undoes what the answer tells of, because it could not be written (`why`: the failed write). Answers the error for the log. */
  readonly undo?: (why: unknown) => Promise<CniError>;
}

/** What every verb's request carries. `config` is the decoded plugin configuration (schema of the plugin, per verb). */
export interface BaseRequest<C> {
  readonly verb: Verb;
  readonly cniVersion: CniVersion;
  /** `name` of the network configuration, validated. */
  readonly network: string;
  readonly config: C;
  /** CNI_ARGS as given, last value of a key wins; unknown keys are refused unless IgnoreUnknown. */
  readonly args: ReadonlyMap<string, string>;
  /** Absolute directories of CNI_PATH, in order. */
  readonly cniPath: readonly string[];
  /** The untouched invocation: a delegated plugin receives exactly this (spec, "Delegated plugins"). */
  readonly invocation: Invocation;
  /** Aborts at the deadline of the whole command (and, in ADD, at SIGTERM). */
  readonly signal: AbortSignal;
  /** What the entry's `startEarly` started for this command. */
  readonly early?: EarlyStart;
  /** Times a phase for the log line: `await request.phase('bridge', () => …)`. */
  phase<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Words for the log line of this call, e.g. how much of a range is used. The last one counts. */
  note(text: string): void;
}

export interface AddRequest<C> extends BaseRequest<C> {
  readonly attachment: Attachment;
  /** CNI_NETNS: not the plugin's own network namespace; for a plugin that enters it, an existing one. */
  readonly netns: string;
  readonly prevResult?: AddResult;
}
export type CheckRequest<C> = AddRequest<C>;

export interface DelRequest<C> extends BaseRequest<C> {
  readonly attachment: Attachment;
  /** CNI_NETNS as given; absent when empty. The path may be gone, or be another container's by now. */
  readonly netns?: string;
}

export interface GcRequest<C> extends BaseRequest<C> {
  /** `cni.dev/valid-attachments`; absent when the key is absent, which releases nothing. */
  readonly validAttachments?: readonly Attachment[];
}
export type StatusRequest<C> = BaseRequest<C>;

/**
 * The result of a plugin's ADD. `passThrough` answers with prevResult's own JSON, not a re-rendered one, for chained
 * plugins that change nothing.
 */
export type AddAnswer = AddResult | IpamResult;

/**
 * Decodes the plugin configuration for a verb. Throws CniError (code 7, naming the field), or ShapeMisfit while `explain` is absent. For
 * DEL it has to be lax: only what is needed to find and remove things may be demanded.
 */
export type ConfigDecoder<C> = (json: Readonly<Record<string, unknown>>, verb: Verb, explain?: Explain<never>) => C;

/** A plugin as one value. All verbs are there because the type demands them. */
export interface Plugin<C, R extends AddAnswer = AddResult> {
  readonly decodeConfig: ConfigDecoder<C>;
  /** Loads the schema, for a configuration that the shape does not read. */
  readonly loadSchema?: () => Promise<{ readonly decodeRaw: Explain<unknown> }>;
  /** Keys of CNI_ARGS that this plugin knows beside the common ones (IgnoreUnknown, IP, MAC, GATEWAY, K8S_POD_*). */
  readonly knownArgs?: readonly string[];
  add(request: AddRequest<C>, rollback: Rollback): Promise<R>;
  del(request: DelRequest<C>): Promise<void>;
  check(request: CheckRequest<C>): Promise<void>;
  gc(request: GcRequest<C>): Promise<void>;
  status(request: StatusRequest<C>): Promise<void>;
}

/** Something that was started early, in the hope that the command needs it. Killed at the command's end if it was not used. */
export interface EarlyStart {
  kill(): void;
}
