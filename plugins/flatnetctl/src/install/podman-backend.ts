import { CONTAINERS_CONF } from '@flatnet/driver';
import { isExecutable } from '@flatnet/exec';
import type { World } from '../world.ts';
import { configuredBackend, driverDirectories } from '@flatnet/driver/runtime-config';

/** By which of flatnet's fronts the installed Podman is served. */
export type Front =
  | { readonly kind: 'none' }
  /** CNI, which this Podman is told to use. */
  | { readonly kind: 'cni' }
  /** Podman 4, which has CNI, and is not told to use it. */
  | { readonly kind: 'not set'; readonly backend?: string }
  /** Podman 5 or newer: the driver of netavark. Empty where it is in no folder that netavark searches. */
  | { readonly kind: 'netavark'; readonly version: string; readonly driver: string };

const PODMANS = ['/usr/bin/podman', '/usr/local/bin/podman'];
const LAST_WITH_CNI = 4;

export async function podmanFront({ env, run }: Pick<World, 'env' | 'run'>): Promise<Front> {
  const podman = PODMANS.find(isExecutable);
  if (podman === undefined) return { kind: 'none' };
  const backend = configuredBackend(env);
  if (backend === 'cni') return { kind: 'cni' };
  const version = await versionOf(run, podman);
  if (Number(version.split('.')[0]) > LAST_WITH_CNI) {
    const driver = driverDirectories(env)
      .map((folder) => `${folder}/flatnet`)
      .find(isExecutable);
    return { kind: 'netavark', version, driver: driver ?? '' };
  }
  return { kind: 'not set', ...(backend === undefined ? {} : { backend }) };
}

/** Empty where it does not say. */
async function versionOf(run: World['run'], podman: string): Promise<string> {
  try {
    const { stdout } = await run(podman, ['--version'], { timeoutMs: 5_000 });
    return /\d+\.\d+[^\s]*/.exec(stdout)?.[0] ?? '';
  } catch {
    return '';
  }
}

/** What the user has to do for Podman, or undefined: Podman is not here, or set up. */
export async function podmanAdvice(world: Pick<World, 'env' | 'run'>): Promise<string | undefined> {
  const front = await podmanFront(world);
  if (front.kind === 'netavark') {
    return `Podman ${front.version} uses netavark: podman network create --driver flatnet NAME`;
  }
  return front.kind === 'not set' ? adviceFor(front.backend) : undefined;
}

export const adviceFor = (backend: string | undefined): string =>
  `Podman's network_backend is ${backend === undefined ? 'not set' : JSON.stringify(backend)}; CNI plugins need this in ${CONTAINERS_CONF}:\n  [network]\n  network_backend = "cni"`;
