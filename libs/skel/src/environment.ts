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

/** Required variables by verb, in the order in which the reference names missing ones (spec, "Parameters"). */
const REQUIRED: Record<Verb, readonly string[]> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
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

/** Absolute directories of CNI_PATH; a relative one would depend on where the caller stands. */
export const cniPathOf = (env: Env): readonly string[] =>
  (env['CNI_PATH'] ?? '').split(':').filter((directory) => directory.startsWith('/'));

/**
 * Checks CNI_NETNS before anything is changed: not our own namespace (unless CNI_NETNS_OVERRIDE says so), and for ADD and CHECK
 * an existing one. The reference checks only after its work was done.
 *
 * @throws CniError code 8.
 */
export function assertNetns(env: Env, mustExist: boolean): void {
  const path = env['CNI_NETNS'];
  if (!path) return;
  const target = statSync(path, { throwIfNoEntry: false });
  if (target === undefined) {
    if (!mustExist) return;
    throw new CniError(
      ErrorCode.invalidNetns,
      `network namespace ${shown(path)} does not exist`,
      'CNI_NETNS must be the path of a network namespace; the container may have ended already',
    );
  }
  const own = statSync('/proc/self/ns/net');
  // All namespace files live on one nsfs device: another device means another kind of file.
  if (target.dev !== own.dev) {
    if (!mustExist) return;
    throw new CniError(
      ErrorCode.invalidNetns,
      `${shown(path)} is not a network namespace`,
      'CNI_NETNS must be a namespace file such as /run/netns/NAME or /proc/PID/ns/net',
    );
  }
  if (target.ino !== own.ino || ['1', 'true'].includes((env['CNI_NETNS_OVERRIDE'] ?? '').toLowerCase())) return;
  throw new CniError(
    ErrorCode.invalidNetns,
    "plugin's netns and netns from CNI_NETNS should not be the same",
    `CNI_NETNS=${shown(path)} is the namespace that the plugin runs in; set CNI_NETNS_OVERRIDE=1 if that is meant`,
  );
}
