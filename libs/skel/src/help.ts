import { SUPPORTED_VERSIONS } from '@flatnet/cni/version';
import type { PluginEntry } from './entry.ts';

export const PACKAGE_VERSION = '0.1.0';

/** What `--help` prints, and stderr when the program is run without CNI_COMMAND. */
export const help = (entry: PluginEntry): string =>
  `${entry.name} ${PACKAGE_VERSION}: ${entry.about}\n` +
  `CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(', ')}. A container runtime runs it; see plugins/${entry.name}/README.md.\n`;
