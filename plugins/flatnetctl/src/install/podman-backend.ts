import { isExecutable } from '@flatnet/exec';
import { CONTAINERS_CONF } from '@flatnet/driver';
import { configuredBackend } from './runtime-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the user has to do for Podman, or undefined: Podman is not here, or set up. */
export function podmanAdvice(env: Environment): string | undefined {
  const installed = ['/usr/bin/podman', '/usr/local/bin/podman'].some(isExecutable);
  const backend = configuredBackend(env);
  if (!installed || backend === 'cni') return undefined;
  return `Podman's network_backend is ${backend === undefined ? 'not set' : JSON.stringify(backend)}; CNI plugins need this in ${CONTAINERS_CONF}:\n  [network]\n  network_backend = "cni"`;
}
