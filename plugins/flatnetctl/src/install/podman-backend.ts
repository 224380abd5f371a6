import { readdirSync, readFileSync } from 'node:fs';
import { isExecutable } from '@flatnet/exec';

const FILES = ['/usr/share/containers/containers.conf', '/etc/containers/containers.conf'];
const DROP_INS = '/etc/containers/containers.conf.d';

/** The value of `network_backend` that Podman reads, the last file winning; undefined when none says it. */
export function configuredBackend(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const override = env['CONTAINERS_CONF'];
  const paths = override ? [override] : [...FILES, ...dropIns()];
  return paths.flatMap((path) => backendOf(textOf(path))).at(-1);
}

const dropIns = (): readonly string[] => {
  try {
    return readdirSync(DROP_INS)
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => `${DROP_INS}/${name}`);
  } catch {
    return [];
  }
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** The key stands in a line of its own (TOML); comments begin with `#`. */
export const backendOf = (text: string): readonly string[] =>
  [...text.matchAll(/^[ \t]*network_backend[ \t]*=[ \t]*["']([^"'\n]*)["']/gm)].map((match) => match[1] ?? '');

/** What the user has to do for Podman, or undefined: Podman is not here, or set up. */
export function podmanAdvice(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const installed = ['/usr/bin/podman', '/usr/local/bin/podman'].some(isExecutable);
  const backend = configuredBackend(env);
  if (!installed || backend === 'cni') return undefined;
  return `Podman's network_backend is ${backend === undefined ? 'not set' : JSON.stringify(backend)}; CNI plugins need this in ${FILES[1]}:\n  [network]\n  network_backend = "cni"`;
}
