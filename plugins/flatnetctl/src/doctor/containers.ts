/** Whether attached containers find what they need: CHECK of their chains, which asks the kernel, and the host's way out. */
import { isAtLeast } from '@flatnet/cni';
import { deviceTo } from '@flatnet/kernel/firewalls';
import { check as checkAttachment } from '../chain/attachment.ts';
import { contextOf } from '../chain/context.ts';
import { isOursThroughout } from '../conflist/as-run.ts';
import type { Network } from '../conflist/model.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { OperatorError } from '../failure.ts';
import { factsOf } from '../network/describe.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { attachedNow, routingOf, type Attached } from './attached.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

/** Of one network the containers share nearly all that can break, so some of them tell it. */
const ASKED_PER_NETWORK = 8;

export const containers: Check = async (world, places) => {
  const attached = attachedNow(places);
  if (attached.length === 0) return [ok('containers', 'none is attached')];
  const asked = someOfEach(attached);
  const troubles = new Map<string, string[]>();
  await Promise.all(
    asked.map(async (each) => {
      const trouble = await troubleOf(world, places, each);
      if (trouble !== undefined) troubles.set(trouble, [...(troubles.get(trouble) ?? []), nameOf(each)]);
    }),
  );
  if (troubles.size > 0) return [...troubles].map(([trouble, names]) => brokenFinding(trouble, names));
  const of = asked.length < attached.length ? `${asked.length} of ${attached.length} asked: each` : 'each';
  return [ok('containers', `${of} has what ADD gave it`)];
};

function someOfEach(attached: readonly Attached[]): readonly Attached[] {
  const counts = new Map<string, number>();
  return attached.filter(({ cached: { network } }) => {
    const count = (counts.get(network) ?? 0) + 1;
    counts.set(network, count);
    return count <= ASKED_PER_NETWORK;
  });
}

const nameOf = ({ cached }: Attached): string => {
  const { name, id } = factsOf(cached);
  return `${name ?? id.slice(0, 12)} (${cached.network})`;
};

/** The plugins name the repair of each difference in parentheses. */
function brokenFinding(trouble: string, names: readonly string[]): Finding {
  const known = [...trouble.matchAll(/\(((?:ip|sysctl|bridge|flatnetctl) [^()]+)\)/g)].map(
    ([, command = '']) => command,
  );
  const repair = known.length === 0 ? 'do what it says, or restart the container' : [...new Set(known)].join('; ');
  return failed('containers', `${names.join(', ')}: ${trouble}`, repair);
}

/** What CHECK finds, without the words that are the same for all. */
async function troubleOf(world: World, places: Places, { cached, network }: Attached): Promise<string | undefined> {
  const asked = checkable(network, places.cniPath);
  if (asked === undefined || asked.disableCheck) return undefined;
  try {
    await checkAttachment(contextOf(world, places), asked, cached);
    return undefined;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return error.message.replace(/^plugin \S+ failed in CHECK: (?:.* is not as ADD left it: )?/, '');
  }
}

/** CHECK came with version 0.4.0; our plugins know it whatever a file says. */
function checkable(network: Network, cniPath: readonly string[]): Network | undefined {
  if (isAtLeast(network.cniVersion, '0.4.0')) return network;
  return isOursThroughout(network, cniPath) ? { ...network, cniVersion: '1.0.0' } : undefined;
}

/** Without a way out of the host its containers have none. */
export const wayOut: Check = (world, places) => {
  const { kernel } = world;
  const attached = attachedNow(places).filter(({ network }) => routingOf(network, places.cniPath).isForwarded);
  const [way4, way6] = [deviceTo(kernel, 4), deviceTo(kernel, 6)];
  const lacks = (family: 4 | 6): boolean =>
    attached.some(({ network }) => subnetsOf(network).some(({ subnet }) => subnet.ip.family === family));
  const findings: Finding[] = [];
  const add = (family: 4 | 6, next: string): void => {
    const reason = `the host has no IPv${family} route to the rest of the world`;
    const isNeeded = family === 4 ? attached.length > 0 : lacks(6);
    if (isNeeded && family === 4)
      findings.push(failed('default route', `${reason}, so its containers have none`, next));
    else if (isNeeded || family === 4) findings.push(warning('default route', reason, next));
  };
  if (way4 === undefined) add(4, 'ip route add default via ADDRESS');
  if (way6 === undefined) add(6, 'ip -6 route add default via ADDRESS');
  return way4 === undefined ? findings : [ok('default route', `by ${way4}`), ...findings];
};
