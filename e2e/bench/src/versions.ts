import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { NEWEST_VERSIONS } from './peers.ts';
import { BUN, PATH } from './sandbox.ts';

/** Where a tool is, or undefined. */
export const findTool = (name: string): string | undefined =>
  name.startsWith('/')
    ? existsSync(name)
      ? name
      : undefined
    : PATH.split(':')
        .map((directory) => `${directory}/${name}`)
        .find((path) => existsSync(path));

/** First line of what a program says of itself. */
function said(file: string, args: readonly string[]): string {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .split('\n')[0]!;
  } catch {
    return 'absent';
  }
}

const packageVersion = (name: string): string => said('dpkg-query', ['-W', '-f', '${Version}', name]);

/** Machine and versions, as lines for the report. */
export function describeMachine(): readonly string[] {
  const system = /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  const [cpu] = cpus();
  return [
    `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, ${system}, kernel ${release()}`,
    `flatnet ${said('git', ['rev-parse', '--short', 'HEAD'])} with Bun ${said(BUN, ['--version'])}; ${said('nft', ['--version'])}; ${said('ip', ['-V'])}`,
    `containernetworking-plugins ${packageVersion('containernetworking-plugins')}, netavark ${packageVersion('netavark')}, ` +
      `${said('iptables', ['--version'])}, podman ${packageVersion('podman')}`,
    NEWEST_VERSIONS.length === 0
      ? 'the newest peers were not fetched (npm run bench:peers)'
      : `newest: ${NEWEST_VERSIONS.join(', ')}`,
  ];
}
