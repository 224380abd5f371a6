import type { Cidr } from '@flatnet/addressing';
import type { Run } from '@flatnet/exec';
import { usedSubnetOf } from '@flatnet/kernel';
import { readDirectory } from '../conflist/directory.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { environment } from '../failure.ts';

/** A subnet that somebody uses, and who. */
export interface TakenSubnet {
  readonly subnet: Cidr;
  readonly by: string;
  /** Of a route. */
  readonly device?: string;
}

/** What the host routes and what other networks hand out. @throws OperatorError */
export async function takenSubnets(run: Run, netDir: string): Promise<readonly TakenSubnet[]> {
  const [v4, v6] = await Promise.all([hostRoutes(run, 4), hostRoutes(run, 6)]);
  return [...configuredSubnets(netDir), ...v4, ...v6];
}

/** The subnets of the networks in a directory. */
export const configuredSubnets = (netDir: string): readonly TakenSubnet[] =>
  readDirectory(netDir).files.flatMap(({ network }) =>
    subnetsOf(network).map(({ subnet }) => ({ subnet, by: `network ${network.name}` })),
  );

async function hostRoutes(run: Run, family: 4 | 6): Promise<readonly TakenSubnet[]> {
  const { exitCode, stdout, stderr } = await run('ip', ['-j', `-${family}`, 'route', 'show', 'table', 'main']);
  if (exitCode !== 0) throw environment(`ip route show failed: ${stderr.trim()}`, 'flatnetctl doctor');
  const routes: unknown = JSON.parse(stdout.trim() || '[]');
  return (Array.isArray(routes) ? routes : []).flatMap((route: Record<string, unknown>) => {
    const used = usedSubnetOf(route);
    return used === undefined ? [] : [{ subnet: used.subnet, by: `route on ${used.device}`, device: used.device }];
  });
}
