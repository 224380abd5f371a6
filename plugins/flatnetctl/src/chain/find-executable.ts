import { shown } from '@flatnet/cni';
import { isExecutable } from '@flatnet/exec';
import { environment, problem } from '../failure.ts';

/** The executable of a plugin. A `type` that is not a plain file name could leave the directories (CVE-2021-20206). */
export function findExecutable(type: string, cniPath: readonly string[]): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(type)) {
    throw problem(`plugin type ${shown(type)} is not a plain file name`, 'correct "type" in the configuration');
  }
  const found = cniPath.map((directory) => `${directory}/${type}`).find(isExecutable);
  if (found !== undefined) return found;
  throw environment(
    `plugin ${type} is in none of ${cniPath.join(', ')}`,
    type.startsWith('flatnet') ? 'flatnetctl install' : `install ${type}, or name its directory with --cni-path`,
  );
}
