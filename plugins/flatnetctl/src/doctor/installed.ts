import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isExecutable } from '@flatnet/exec';
import { DROP_IN_NAMES } from '../install/drop-in-names.ts';
import { PLUGIN_NAMES } from '../install/install.ts';
import { adviceFor, podmanFront } from '../install/podman-backend.ts';
import { DEFAULT_STATE_DIR, markOf, readRecord } from '../install/record.ts';
import { foundFirst, leadsToUs } from '../ipam/leased-here.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

/** Which front serves the installed Podman. Podman 5 and newer have no CNI to be switched on. */
export const backend: Check = async (world) => {
  const front = await podmanFront(world);
  switch (front.kind) {
    case 'none':
      return [ok('podman', 'not installed')];
    case 'cni':
      return [ok('podman', 'uses CNI')];
    case 'not set': {
      const repair = 'set network_backend = "cni" in /etc/containers/containers.conf';
      return [warning('podman', adviceFor(front.backend).split(';')[0] ?? '', repair)];
    }
    case 'netavark':
      return front.driver === ''
        ? [
            warning(
              'podman',
              `Podman ${front.version} uses netavark, which finds no driver flatnet`,
              'flatnetctl install',
            ),
          ]
        : [ok('podman', `Podman ${front.version} uses netavark, and ${front.driver} as its driver flatnet`)];
  }
};

export const executables: Check = (_, { cniPath }) => {
  const found = PLUGIN_NAMES.map((name) => ({ name, path: cniPath.map((dir) => join(dir, name)).find(isExecutable) }));
  const missing = found.filter(({ path }) => path === undefined).map(({ name }) => name);
  if (missing.length > 0) {
    return [failed('executables', `not in ${cniPath.join(':')}: ${missing.join(', ')}`, 'flatnetctl install')];
  }
  return [ok('executables', found.map(({ path }) => path).join(' '))];
};

/** What was installed and is not there as it was. A package upgrade puts the reference plugins back over a drop-in. */
export const installation: Check = (_, { cniPath }) => {
  const seen = new Map<string, string>();
  return readRecord(DEFAULT_STATE_DIR).flatMap(({ path, mark, aside }) => {
    const name = basename(path);
    const isDropIn = DROP_IN_NAMES.some((known) => known === name);
    const repair = isDropIn ? 'flatnetctl install --drop-in' : 'flatnetctl install';
    const now = markOf(path, seen);
    if (now === undefined) return [failed('installation', `${path} is gone`, repair)];
    if (now !== mark) return [warning('installation', `${path} is not what was installed`, repair)];
    if (mark.startsWith('-> ') && !existsSync(path))
      return [failed('installation', `${path} leads to nothing`, repair)];
    return isDropIn ? [dropInFinding(path, cniPath, aside?.path)] : [];
  });
};

/** A link that runtimes pass by has no effect: they take the first file of the name. */
export function dropInFinding(path: string, cniPath: readonly string[], aside?: string): Finding {
  const name = basename(path);
  const found = foundFirst(name, cniPath);
  if (found !== undefined && !leadsToUs(found)) {
    const reason = `runtimes find ${found} before ${path}, which is flatnet`;
    return warning('drop-in', reason, 'flatnetctl install --drop-in');
  }
  return ok('drop-in', `${name} is flatnet${aside === undefined ? '' : `, the reference is ${aside}`}`);
}
