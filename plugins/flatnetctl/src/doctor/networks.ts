import { ErrorCode } from '@flatnet/cni';
import { contextOf } from '../chain/context.ts';
import { findExecutable } from '../chain/find-executable.ts';
import { statusChain } from '../chain/run-chain.ts';
import { isOursThroughout } from '../conflist/as-run.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import type { Network } from '../conflist/model.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { OperatorError } from '../failure.ts';
import { deadLeases, holdingsOf } from '../ipam/leases.ts';
import { bridgePorts } from '../network/bridge.ts';
import { bridgeOf } from '../network/describe.ts';
import { useOf } from '../network/use.ts';
import type { Places } from '../places.ts';
import { attachedNow } from './attached.ts';
import { failed, fixable, ok, warning, type Check, type Finding } from './finding.ts';

export const configurations: Check = (_, places) => {
  const { netDir } = places;
  const { files, broken } = networksOf(places);
  return [
    ok('networks', `${files.length} in ${netDir}`),
    ...broken.map(({ path, reason }) => failed('networks', `${path}: ${reason}`, `correct or remove ${path}`)),
    ...clashes(files),
  ];
};

function clashes(files: readonly NetworkFile[]): readonly Finding[] {
  const all = files.flatMap(({ network }) => subnetsOf(network).map(({ subnet }) => ({ name: network.name, subnet })));
  return all.flatMap((one, index) =>
    all
      .slice(index + 1)
      .filter((other) => other.name !== one.name && other.subnet.overlaps(one.subnet))
      .map((other) =>
        warning(
          'subnets',
          `${one.subnet} of ${one.name} overlaps with ${other.subnet} of ${other.name}`,
          `flatnetctl network rm ${other.name}, and create it with --subnet auto`,
        ),
      ),
  );
}

/** Every network of ours is asked whether it could take a container now (STATUS). */
export const readiness: Check = async (world, places) => {
  const { netDir, driverDirs, cniPath } = places;
  const inUse = new Set(attachedNow(places).map(({ cached }) => cached.network));
  const context = contextOf(world, { cniPath });
  const findings = networksOf({ netDir, driverDirs }).files.map(async ({ network }): Promise<readonly Finding[]> => {
    const check = `network ${network.name}`;
    const missing = missingPlugins(network, cniPath);
    if (missing.length > 0) {
      const repair = missing.some((type) => type.startsWith('flatnet'))
        ? 'flatnetctl install'
        : `install ${missing.join(', ')}`;
      return [failed(check, `not in ${cniPath.join(':')}: ${missing.join(', ')}`, repair)];
    }
    if (!isOursThroughout(network, cniPath)) return [ok(check, 'its plugins are installed')];
    const failures = await statusChain(context, network);
    return failures.length === 0
      ? [ok(check, 'ready')]
      : failures.map((failure) => notReady(check, failure, inUse.has(network.name)));
  });
  return (await Promise.all(findings)).flat();
};

/** Code 51 is of a foreign firewall, and tells what to do in its own words. A network without containers can wait. */
function notReady(
  check: string,
  { type, code, text }: { type: string; code: number; text: string },
  isInUse: boolean,
): Finding {
  if (code !== ErrorCode.limitedConnectivity) return failed(check, `${type}: ${text}`, 'flatnetctl logs --errors');
  const [reason = '', repair = 'remove the foreign rule'] = text.split('; allow them, e.g.: ');
  return isInUse ? failed(check, `${type}: ${reason}`, repair) : warning(check, `${type}: ${reason}`, repair);
}

const missingPlugins = ({ plugins }: Network, cniPath: readonly string[]): readonly string[] =>
  plugins.map(({ type }) => type).filter((type) => !isInstalled(type, cniPath));

function isInstalled(type: string, cniPath: readonly string[]): boolean {
  try {
    return findExecutable(type, cniPath) !== '';
  } catch (error) {
    if (error instanceof OperatorError) return false;
    throw error;
  }
}

/** The kernel's limit of a bridge (BR_MAX_PORTS is 1024, one of which is none). */
const MAX_PORTS = 1023;
const NEARLY = 0.9;

export const room: Check = ({ kernel }, { netDir, driverDirs, cniPath }: Places) =>
  networksOf({ netDir, driverDirs }).files.flatMap(({ network }) => [
    ...poolFindings(network, cniPath),
    ...bridgeFindings(kernel, network),
  ]);

const poolFindings = (network: Network, cniPath: readonly string[]): readonly Finding[] =>
  useOf(network, cniPath).flatMap(({ subnet, total, in_use: used, free }) => {
    const check = `pool of ${network.name}`;
    const repair = `flatnetctl ipam gc ${network.name}, or a network with a larger subnet`;
    if (free === 0) return [failed(check, `all ${total} addresses of ${subnet} are in use`, repair)];
    return used > NEARLY * total
      ? [warning(check, `${used} of ${total} addresses of ${subnet} are in use`, repair)]
      : [];
  });

function bridgeFindings(kernel: Parameters<typeof bridgePorts>[0], network: Network): readonly Finding[] {
  const bridge = bridgeOf(network);
  const ports = bridge === undefined ? undefined : bridgePorts(kernel, bridge);
  if (ports === undefined || ports.length <= NEARLY * MAX_PORTS) return [];
  const reason = `${ports.length} of ${MAX_PORTS} ports are in use`;
  const repair = 'flatnetctl network create another one for the containers to come';
  const check = `bridge ${bridge}`;
  return [ports.length >= MAX_PORTS ? failed(check, reason, repair) : warning(check, reason, repair)];
}

export const leftovers: Check = (_, { netDir, driverDirs, cniPath }) =>
  networksOf({ netDir, driverDirs }).files.flatMap(({ network }) => {
    const dead = deadLeases(holdingsOf(network, cniPath));
    if (dead.length === 0) return [];
    const reason = `${dead.length} leases of containers whose namespace is gone`;
    const finding = { check: `leases of ${network.name}`, state: 'warning' as const, reason };
    return [fixable(finding, ['flatnetctl', 'ipam', 'gc', network.name])];
  });
