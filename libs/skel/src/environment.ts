import { statSync } from 'node:fs';
import {
  assertContainerId,
  assertIfName,
  CniError,
  ErrorCode,
  shown,
  VERBS,
  type Attachment,
  type Verb,
} from '@flatnet/cni';
import type { Invocation } from './plugin.ts';

type Env = Invocation['env'];

/**
 * Required variables by verb, in the order in which the reference names missing ones (spec, "Parameters"). DEL does without CNI_PATH, as the
 * spec has it: a plugin that delegates says itself what it could not find.
 */
const REQUIRED: Record<Verb, readonly string[]> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME'],
  GC: ['CNI_PATH'],
  STATUS: ['CNI_PATH'],
  VERSION: [],
};

/** The verb of CNI_COMMAND. @throws CniError code 4 when it is missing or unknown. */
export function verbOf(env: Env): Verb {
  const command = env['CNI_COMMAND'];
  if (!command) {
    throw new CniError(
      ErrorCode.invalidEnvironment,
      'required env variables [CNI_COMMAND] missing',
      'this program is run by a container runtime; set CNI_COMMAND to one of ' + VERBS.join(', '),
    );
  }
  const verb = VERBS.find((known) => known === command);
  if (verb !== undefined) return verb;
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `unknown CNI_COMMAND: ${shown(command)}`,
    `known: ${VERBS.join(', ')}`,
  );
}

/** @throws CniError code 4 that names every missing variable at once. */
export function assertRequired(env: Env, verb: Verb): void {
  const missing = REQUIRED[verb].filter((name) => !env[name]);
  if (missing.length === 0) return;
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `required env variables [${missing.join(',')}] missing`,
    `${verb} needs ${REQUIRED[verb].join(', ')}`,
  );
}

/** The attachment of ADD, DEL and CHECK. @throws CniError code 4. */
export function attachmentOf(env: Env): Attachment {
  const attachment = { containerId: env['CNI_CONTAINERID'] ?? '', ifName: env['CNI_IFNAME'] ?? '' };
  assertContainerId(attachment.containerId);
  assertIfName(attachment.ifName);
  return attachment;
}

/** Absolute directories of CNI_PATH; a relative one would depend on the caller's working directory. */
export const cniPathOf = (env: Env): readonly string[] =>
  (env['CNI_PATH'] ?? '').split(':').filter((directory) => directory.startsWith('/'));

/**
 * Checks CNI_NETNS of ADD and CHECK before anything is changed: not our own namespace (unless CNI_NETNS_OVERRIDE says so). A plugin that
 * `enters` the namespace needs the path of an existing one; to the others it is a word of the runtime.
 *
 * @throws CniError code 8.
 */
export function assertNetns(env: Env, enters: boolean): void {
  const path = env['CNI_NETNS'] ?? '';
  const kind = kindOfNetns(path);
  if (kind === 'own') {
    if (isOwnMeant(env)) return;
    throw new CniError(
      ErrorCode.invalidNetns,
      "plugin's netns and netns from CNI_NETNS should not be the same",
      `CNI_NETNS=${shown(path)} is the namespace that the plugin runs in; set CNI_NETNS_OVERRIDE=1 if that is meant`,
    );
  }
  if (!enters || kind === 'other') return;
  throw new CniError(
    ErrorCode.invalidNetns,
    kind === 'none' ? `network namespace ${shown(path)} does not exist` : `${shown(path)} is not a network namespace`,
    kind === 'none'
      ? 'CNI_NETNS must be the absolute path of a network namespace; the container may have ended already'
      : 'CNI_NETNS must be a namespace file such as /run/netns/NAME or /proc/PID/ns/net',
  );
}

/**
 * The variables of DEL for delegated plugins. The PID in a path such as /proc/PID/ns/net may be another process's by now, one of the host:
 * the reference plugins refuse their own namespace, also in DEL, and an absent one is always right there.
 */
export const envForDel = (env: Env): Env =>
  kindOfNetns(env['CNI_NETNS'] ?? '') === 'own' && !isOwnMeant(env) ? { ...env, CNI_NETNS: '' } : env;

const isOwnMeant = (env: Env): boolean => ['1', 'true'].includes((env['CNI_NETNS_OVERRIDE'] ?? '').toLowerCase());

function kindOfNetns(path: string): 'own' | 'other' | 'no namespace' | 'none' {
  // A plugin runs in "/", wherever its caller is: a relative path would name another file.
  if (!path.startsWith('/')) return 'none';
  try {
    const target = statSync(path);
    const own = statSync('/proc/self/ns/net');
    // All namespace files live on one nsfs device: another device means another kind of file.
    if (target.dev !== own.dev) return 'no namespace';
    return target.ino === own.ino ? 'own' : 'other';
  } catch {
    return 'none';
  }
}
