import { survey } from '@flatnet/policy';
import { asRun } from '../conflist/as-run.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import type { Network } from '../conflist/model.ts';
import { isFlatnet, routingOf } from './attached.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

/** Whether the rules of flatnet-firewall stand. */
export const policies: Check = async (world, { netDir, driverDirs, cniPath }) => {
  const guarded = networksOf({ netDir, driverDirs }).files.filter(
    ({ network }) => firewallOf(network, cniPath) !== undefined,
  );
  if (guarded.length === 0) return [];
  if (!world.isRoot) return [warning('policies', 'cannot be looked at without root', 'run it as root')];
  const networks = (await survey(world.policies.open())).filter(({ attachments }) => attachments.length > 0);
  return networks.map(({ record: { network }, attachments }): Finding => {
    const check = `policies of ${network.name}`;
    const missing = [...new Set(attachments.flatMap((each) => each.missing))];
    if (missing.length === 0) return ok(check, `${attachments.length} containers are guarded`);
    const [first = ''] = missing;
    const more = missing.length === 1 ? '' : `, and ${missing.length - 1} more`;
    return failed(check, `missing in the kernel: ${first}${more}`, 'flatnetctl rules reload');
  });
};

const firewallOf = (network: Network, cniPath: readonly string[]) =>
  asRun(network, cniPath).plugins.find(({ type }) => type === 'flatnet-firewall');

/** Which networks machines of the LAN reach, that add a route. It is meant so where nothing is masqueraded. */
export const openNetworks: Check = (_, { netDir, driverDirs, cniPath }) => {
  const open = networksOf({ netDir, driverDirs }).files.filter(({ network }) => {
    if (!isFlatnet(network, cniPath) || !routingOf(network, cniPath).isForwarded) return false;
    return String(firewallOf(network, cniPath)?.['external']).toLowerCase() !== 'published';
  });
  if (open.length === 0) return [];
  const names = open.map(({ network }) => network.name).join(', ');
  return [
    ok('open to the LAN', `${names}: a machine that adds a route reaches all ports; "external": "published" ends it`),
  ];
};
