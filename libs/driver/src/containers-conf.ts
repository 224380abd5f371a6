/** What Podman is told in its configuration. */
import { readdirSync, readFileSync } from 'node:fs';

type Environment = Readonly<Record<string, string | undefined>>;

export const CONTAINERS_CONF = '/etc/containers/containers.conf';
const DROP_INS = '/etc/containers/containers.conf.d';

/** The texts of Podman's configuration, the one that wins last. */
export function containersConf(env: Environment): readonly string[] {
  const override = env['CONTAINERS_CONF'];
  const paths = override ? [override] : ['/usr/share/containers/containers.conf', CONTAINERS_CONF, ...dropIns()];
  return paths.map(textOf);
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
