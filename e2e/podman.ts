import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '@flatnet/exec';
import { BIN, REFERENCE_BIN, type Conflist, type Sandbox } from '@flatnet/testing';

const SCRIPT = join(import.meta.dirname, 'bin/podman-private');
const CONFIGS = join(import.meta.dirname, '../configs');

/** Debian's Podman with state and configuration of its own, inside the sandbox. */
export interface Podman {
  (...args: string[]): Promise<RunResult>;
  /** Like the call itself, rejects with Podman's words unless the exit code is 0. Answers stdout without the last newline. */
  must(...args: string[]): Promise<string>;
  /** Installs a conflist: a file of configs/, or one made up. */
  install(list: string | Conflist): void;
}

/**
 * Makes the folders, the configuration and the image `busybox`.
 *
 * @param pluginDirs where Podman looks for plugins, in this order.
 */
export async function openPodman(
  sandbox: Sandbox,
  pluginDirs: readonly string[] = [BIN, REFERENCE_BIN],
): Promise<Podman> {
  const folder = join(sandbox.folder, 'podman');
  mkdirSync(folder);
  const options = { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder }, timeoutMs: 90_000 };
  const call = (...args: string[]): Promise<RunResult> => sandbox.run(SCRIPT, [folder, ...args], options);
  const must = async (...args: string[]): Promise<string> =>
    (await sandbox.must(SCRIPT, [folder, ...args], options)).trimEnd();
  await must('init', ...pluginDirs);
  const install = (list: string | Conflist): void => {
    const target = join(folder, 'net.d');
    if (typeof list === 'string') copyFileSync(join(CONFIGS, list), join(target, list));
    else writeFileSync(join(target, `50-${list.name}.conflist`), JSON.stringify(list));
  };
  return Object.assign(call, { must, install });
}

interface Inspected {
  readonly NetworkSettings: {
    readonly Networks: Record<string, { IPAddress: string; MacAddress: string; GlobalIPv6Address: string }>;
  };
}

/** What Podman knows of a container's attachment to a network. */
export async function attachmentOf(podman: Podman, container: string, network: string) {
  const [inspected] = JSON.parse(await podman.must('inspect', container)) as Inspected[];
  const found = inspected!.NetworkSettings.Networks[network];
  if (found === undefined) throw new Error(`${container} is not on ${network}`);
  return found;
}
