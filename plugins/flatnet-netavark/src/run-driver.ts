/** Runs the driver as this process: arguments and stdin in; stdout, stderr, log and exit code out. */
import { CniError, ErrorCode, shown } from '@flatnet/cni';
import { limitPrograms } from '@flatnet/exec/time-limit';
import { toCniError, Trace } from '@flatnet/skel';
import {
  appendLog,
  catchSignals,
  ignoredSignals,
  PACKAGE_VERSION,
  readStdin,
  restoreSignals,
  writeToStderr,
  writeWithin,
} from '@flatnet/skel/process';
import type { LinkedPlugins } from './call-plugin.ts';
import { API_VERSION, type DriverAnswer, type DriverVerb, type Handle, VERBS } from './call.ts';
import { limitsOf } from './limits.ts';

type WorkingVerb = Exclude<DriverVerb, 'info'>;

/** Podman reads only after our end: what no longer fits into the pipe would make both wait for ever. */
const MAX_ANSWER_BYTES = 60 * 1024;
const MAX_ERROR_CHARACTERS = 8 * 1024;

const handlers: Readonly<Record<WorkingVerb, (plugins?: LinkedPlugins) => Promise<Handle>>> = {
  create: async () => (await import('./create.ts')).create,
  setup: async (plugins) => {
    const [{ setup }, { realDeps }] = await Promise.all([import('./setup.ts'), import('./deps.ts')]);
    return (call) => setup(realDeps(plugins), call);
  },
  teardown: async (plugins) => {
    const [{ teardown }, { realDeps }] = await Promise.all([import('./teardown.ts'), import('./deps.ts')]);
    return (call) => teardown(realDeps(plugins), call);
  },
};

/**
 * @param args `create`, `setup NETNS`, `teardown NETNS`, or `info`, which is for people.
 * @param plugins those that are linked into this process; without them each is executed.
 */
export async function runDriver(
  [word = 'info', netns = '']: readonly string[],
  plugins?: LinkedPlugins,
): Promise<never> {
  // Records are for root; before anything is opened. The caller's working directory may not exist any more.
  process.umask(0o077);
  process.chdir('/');
  const trace = new Trace('flatnet-netavark');
  const verb = VERBS.find((known) => known === word);
  trace.verb = word;
  if (verb === undefined) {
    return refuse(
      trace,
      new CniError(ErrorCode.invalidEnvironment, `unknown verb ${shown(word)}`, `give one of ${VERBS.join(', ')}`),
    );
  }
  if (verb === 'info') {
    await writeWithin(
      1,
      `${JSON.stringify({ version: PACKAGE_VERSION, api_version: API_VERSION })}\n`,
      limitsOf(verb).end,
    );
    return process.exit(0);
  }
  return work(verb, netns, trace, plugins);
}

async function work(verb: WorkingVerb, netns: string, trace: Trace, plugins?: LinkedPlugins): Promise<never> {
  const limits = limitsOf(verb);
  const abort = new AbortController();
  limitPrograms(limits.end);
  heedSignals(verb, abort);
  setTimeout(() => abort.abort(late(verb, trace)), Math.max(0, limits.work - performance.now())).unref();
  try {
    const handle = await handlers[verb](plugins);
    const json = await readJson(limits.work);
    const answer = await handle({
      ...{ json, netns, trace, env: process.env, signal: abort.signal, end: limits.end },
      warn: (text) => void writeToStderr(`flatnet: ${text}\n`),
    });
    return await finish(answer, trace, abort.signal, limits.work);
  } catch (error) {
    return refuse(trace, toCniError(error));
  }
}

/**
 * From netavark 1.15 on the process comes with SIGINT and SIGTERM ignored in teardown, which our programs would inherit. A setup is undone;
 * a teardown ends what it began.
 */
function heedSignals(verb: WorkingVerb, abort: AbortController): void {
  const ignored = ignoredSignals();
  restoreSignals(ignored);
  // create has nothing to undo.
  if (verb === 'create') return;
  catchSignals(ignored, (signal) => {
    if (verb !== 'setup') return;
    abort.abort(new CniError(ErrorCode.tryAgainLater, `interrupted by ${signal}`, 'it was undone; try again'));
  });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => abort.abort(toCniError(error)));
  }
}

const late = (verb: WorkingVerb, { running }: Trace): CniError =>
  new CniError(
    ErrorCode.tryAgainLater,
    `${verb} did not finish in time`,
    `${running.length === 0 ? '' : `it was waiting for: ${running.join(', ')}; `}${verb === 'setup' ? 'it was undone; ' : ''}try again`,
  );

async function readJson(until: number): Promise<unknown> {
  const { bytes, ended } = await readStdin(until);
  const next = 'this program is called by Podman and netavark; see the page of flatnet-netavark';
  if (!ended) throw new CniError(ErrorCode.ioFailure, 'stdin was not closed in time', next);
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    const text = bytes.subarray(0, 200).toString();
    throw new CniError(ErrorCode.decodingFailure, `stdin holds no JSON document: ${shown(text)}`, next);
  }
}

async function finish({ json, undo }: DriverAnswer, trace: Trace, signal: AbortSignal, until: number): Promise<never> {
  const text = json === undefined ? '' : `${JSON.stringify(json)}\n`;
  try {
    if (Buffer.byteLength(text) > MAX_ANSWER_BYTES) throw tooLarge(text);
    if (text !== '') await writeWithin(1, text, until, undo === undefined ? undefined : signal);
  } catch (error) {
    const left = (await undo?.()) ?? [];
    const why = toCniError(error);
    const details = [why.details, 'it was undone', ...left].filter((part) => part !== '').join('; ');
    return refuse(trace, undo === undefined ? why : new CniError(why.code, why.message, details));
  }
  appendLog(undefined, trace.toLine(new Date()));
  return process.exit(0);
}

const tooLarge = (text: string): CniError =>
  new CniError(
    ErrorCode.invalidConfig,
    `the answer of ${Buffer.byteLength(text)} bytes is more than Podman reads`,
    `at most ${MAX_ANSWER_BYTES} are: shorten labels and options`,
  );

/** The one form that netavark reads: exit code not 0, and an object with nothing but `error` on stdout. */
async function refuse(trace: Trace, error: CniError): Promise<never> {
  trace.error = error;
  appendLog(undefined, trace.toLine(new Date()));
  const text = [error.message, error.details]
    .filter((part) => part !== '')
    .join(': ')
    .slice(0, MAX_ERROR_CHARACTERS);
  try {
    await writeWithin(1, `${JSON.stringify({ error: text })}\n`, performance.now() + 1_000);
  } catch {
    // The caller is gone.
  }
  return process.exit(1);
}
