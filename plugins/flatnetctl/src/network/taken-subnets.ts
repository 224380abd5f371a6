import type { Cidr } from '@flatnet/addressing';
import { RtnetlinkError, usedSubnetOf, type Kernel } from '@flatnet/kernel';
import { networksOf } from '../conflist/driver-networks.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { environment } from '../failure.ts';
import type { Places } from '../places.ts';

/** A subnet that is in use, and by what. */
export interface TakenSubnet {
  readonly subnet: Cidr;
  readonly by: string;
  /** Of a route. */
  readonly device?: string;
}

/** What the host routes and what other networks hand out. @throws OperatorError */
export const takenSubnets = (
  kernel: Pick<Kernel, 'rtnetlink'>,
  where: Pick<Places, 'netDir' | 'driverDirs'>,
): readonly TakenSubnet[] => [...configuredSubnets(where), ...hostRoutes(kernel, 4), ...hostRoutes(kernel, 6)];

/** The subnets of the networks in a directory. */
export const configuredSubnets = (where: Pick<Places, 'netDir' | 'driverDirs'>): readonly TakenSubnet[] =>
  networksOf(where).files.flatMap(({ network }) =>
    subnetsOf(network).map(({ subnet }) => ({ subnet, by: `network ${network.name}` })),
  );

function hostRoutes({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, family: 4 | 6): readonly TakenSubnet[] {
  try {
    return rtnetlink.listRoutes({ family }).flatMap((route) => {
      const used = usedSubnetOf(route);
      return used === undefined ? [] : [{ subnet: used.subnet, by: `route on ${used.device}`, device: used.device }];
    });
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    throw environment(`the host's routes cannot be listed: ${error.reason}`, 'flatnetctl doctor');
  }
}
