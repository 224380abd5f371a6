import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isExecutable } from '@flatnet/exec';
import { DROP_IN_NAMES } from '../install/drop-in-names.ts';
import { PLUGIN_NAMES } from '../install/install.ts';
import { podmanAdvice } from '../install/podman-backend.ts';
import { DEFAULT_STATE_DIR, markOf, readRecord } from '../install/record.ts';
import { configuredBackend } from '../install/runtime-config.ts';
import { foundFirst, leadsToUs } from '../ipam/leased-here.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

export const backend: Check = ({ env }) => {
  const advice = podmanAdvice(env);
  if (advice === undefined) return [ok('podman', configuredBackend(env) === 'cni' ? 'uses CNI' : 'not installed')];
  const repair = 'set network_backend = "cni" in /etc/containers/containers.conf';
  return [warning('podman', advice.split(';')[0] ?? '', repair)];
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
