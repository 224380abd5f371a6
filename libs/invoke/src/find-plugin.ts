import { CniError, ErrorCode, shown } from '@flatnet/cni';
import { isExecutable } from '@flatnet/exec';

/** What a plugin's `type` may be: a plain file name, so that it cannot leave CNI_PATH (CVE-2021-20206). */
const PLUGIN_TYPE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** The executable of plugin `type` in the directories of CNI_PATH. @throws CniError code 7 for a bad or unknown type. */
export function findPlugin(type: string, cniPath: readonly string[]): string {
  if (!PLUGIN_TYPE.test(type) || type.endsWith('\n')) {
    throw new CniError(
      ErrorCode.invalidConfig,
      `invalid plugin type ${shown(type)}`,
      'ipam.type must be the plain name of an executable in CNI_PATH',
    );
  }
  const found = cniPath.map((directory) => `${directory}/${type}`).find(isExecutable);
  if (found !== undefined) return found;
  throw new CniError(
    ErrorCode.invalidConfig,
    `failed to find plugin ${shown(type)} in path [${cniPath.join(' ')}]`,
    'install it there, or correct ipam.type or CNI_PATH',
  );
}
