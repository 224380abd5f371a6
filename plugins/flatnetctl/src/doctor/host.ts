import { readFileSync } from 'node:fs';
import { findTool } from '@flatnet/exec';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

export const root: Check = ({ isRoot }) =>
  isRoot ? [ok('root', 'running as root')] : [failed('root', 'plugins and most checks need root', 'run it as root')];

/** Programs that are useful, and their package on Debian. ADD and DEL need none: they talk to the kernel themselves. */
const TOOLS = [
  {
    ...{ tool: 'nft', version: ['--version'], package: 'nftables' },
    without: 'STATUS and CHECK do not see that the firewall of another program drops traffic of containers',
  },
  { tool: 'ip', version: ['-V'], package: 'iproute2', without: 'doctor and selftest try less' },
  { tool: 'nsenter', version: ['--version'], package: 'util-linux', without: 'selftest does not run' },
  { tool: 'sysctl', version: ['--version'], package: 'procps', without: 'selftest does not run' },
] as const;

export const tools: Check = ({ run }) =>
  Promise.all(
    TOOLS.map(async (entry): Promise<Finding> => {
      const check = `tool ${entry.tool}`;
      const path = findTool(entry.tool);
      const repair = `apt-get install ${entry.package}`;
      if (path === undefined) return warning(check, `not installed: ${entry.without}`, repair);
      const { stdout, stderr } = await run(path, entry.version);
      return ok(check, `${path} ${versionIn(`${stdout}${stderr}`)}`.trimEnd());
    }),
  );

const versionIn = (text: string): string => /\d+\.\d[\w.]*/.exec(text)?.[0] ?? '';

const setting = (key: string): string | undefined => {
  try {
    return readFileSync(`/proc/sys/net/${key}`, 'utf8').trim();
  } catch {
    return undefined;
  }
};

export const reversePath: Check = () =>
  setting('ipv4/conf/all/rp_filter') === '1'
    ? [
        warning(
          'rp_filter',
          'strict: a container on two networks loses answers that leave by the other one',
          'sysctl -w net.ipv4.conf.all.rp_filter=2',
        ),
      ]
    : [ok('rp_filter', 'not strict')];

/** Kubernetes needs it on, so it is only told. */
export const bridgeNetfilter: Check = () =>
  setting('bridge/bridge-nf-call-iptables') === '1'
    ? [ok('br_netfilter', 'on: iptables rules of others also see packets inside a bridge')]
    : [ok('br_netfilter', 'off: packets inside a bridge pass no rules of others')];
