import type { Run } from '@flatnet/exec';
import { environment } from '../failure.ts';

/** The names of a bridge's ports; undefined when there is no such bridge. */
export async function bridgePorts(run: Run, bridge: string): Promise<readonly string[] | undefined> {
  const kind = await run('ip', ['-j', 'link', 'show', 'dev', bridge, 'type', 'bridge']);
  if (kind.exitCode !== 0 || !kind.stdout.includes(`"${bridge}"`)) return undefined;
  const ports = await run('ip', ['-j', 'link', 'show', 'master', bridge]);
  const list: unknown = JSON.parse(ports.stdout.trim() || '[]');
  return Array.isArray(list) ? list.flatMap(({ ifname }) => (typeof ifname === 'string' ? [ifname] : [])) : [];
}

/** @throws OperatorError */
export async function deleteBridge(run: Run, bridge: string): Promise<void> {
  const { exitCode, stderr } = await run('ip', ['link', 'delete', 'dev', bridge, 'type', 'bridge']);
  if (exitCode === 0 || stderr.includes('Cannot find device')) return;
  throw environment(`cannot remove bridge ${bridge}: ${stderr.trim()}`, `ip link delete ${bridge}`);
}
