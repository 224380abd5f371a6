/** What firewalls of other programs do with published ports, and where that is not known. STATUS tells of outgoing packets. */
import { hasCapability } from '@flatnet/cni';
import { doubtOf, judge, publishedObstacleOf } from '@flatnet/firewall';
import { readFirewalls } from '@flatnet/kernel/firewalls';
import { asRun } from '../conflist/as-run.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { mainPlugin, type Network } from '../conflist/model.ts';
import { subnetsOf } from '../conflist/subnets.ts';
import { bridgeOf, factsOf } from '../network/describe.ts';
import { attachedNow, isFlatnet, routingOf } from './attached.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

export const firewalls: Check = async (world, places) => {
  const { netDir, driverDirs, cniPath } = places;
  const networks = networksOf({ netDir, driverDirs })
    .files.map(({ network }) => network)
    .filter((network) => isFlatnet(network, cniPath) && routingOf(network, cniPath).isForwarded);
  if (networks.length === 0) return [];
  const found = await readFirewalls(world.kernel);
  const publishing = new Set(
    attachedNow(places)
      .filter(({ cached }) => factsOf(cached).ports.length > 0)
      .map(({ cached }) => cached.network),
  );
  const findings = networks.flatMap((network): readonly Finding[] => {
    const bridge = gatewayDeviceOf(asRun(network, cniPath));
    const judgement = judge({ bridge, subnets: subnetsOf(network).map(({ subnet }) => subnet) }, found);
    const check = `firewall and ${network.name}`;
    const doubt = doubtOf(judgement.outgoing);
    const doubts = doubt === undefined ? [] : [warning(check, doubt, 'flatnetctl test, which tries it')];
    const closed = judgement.outgoing.state === 'blocked' ? undefined : publishedObstacleOf(judgement, bridge, found);
    const canPublish = network.plugins.some((plugin) => hasCapability(plugin, 'portMappings'));
    if (closed === undefined || !canPublish) return doubts;
    const [reason = '', repair = 'open them'] = closed.split('; allow them, e.g.: ');
    return [...doubts, publishing.has(network.name) ? failed(check, reason, repair) : warning(check, reason, repair)];
  });
  return findings.length === 0 ? [ok('firewalls', foreignWords(found.tables.length))] : findings;
};

const foreignWords = (tables: number): string =>
  tables === 0
    ? 'no other program filters forwarded packets'
    : `${tables} of other programs, and published ports are open`;

/** A VLAN of its own has its gateway on a device of the bridge. */
function gatewayDeviceOf(network: Network): string {
  const { vlan } = mainPlugin(network);
  const bridge = bridgeOf(network) ?? '';
  return typeof vlan === 'number' && vlan > 1 ? `${bridge}.${vlan}` : bridge;
}

/** Not a fault, but the answer to why a container reaches no other host. */
export const masquerades: Check = (_, { netDir, driverDirs, cniPath }) =>
  networksOf({ netDir, driverDirs }).files.flatMap(({ network }) => {
    if (!isFlatnet(network, cniPath)) return [];
    const { isForwarded, isMasqueraded } = routingOf(network, cniPath);
    if (isMasqueraded) return [];
    const why = isForwarded
      ? 'no masquerade: by configuration; other hosts need a route to it'
      : 'no way out: by configuration';
    return [ok(`network ${network.name}`, why)];
  });
