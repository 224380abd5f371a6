import { DNS_PORT, inputObstacle, survey } from '@flatnet/dns';
import { runsAs } from '../conflist/as-run.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';
import { programAt } from './listeners.ts';

/** Asked only where a network gives its containers names. */
export const names: Check = async (world, { netDir, driverDirs, cniPath }) => {
  const naming = networksOf({ netDir, driverDirs }).files.filter(({ network }) =>
    network.plugins.some(({ type }) => runsAs(type, cniPath) === 'flatnet-dns'),
  );
  if (naming.length === 0) return [];
  if (world.names.dnsmasq() === undefined) {
    const reason = `not installed, and network ${naming[0]!.network.name} needs it for names`;
    return [failed('dnsmasq', reason, 'apt-get install dnsmasq-base')];
  }
  if (!world.isRoot) return [warning('names', 'cannot be tried without root', 'run it as root')];
  const zones = await survey(world.names.open());
  if (zones.length === 0) return [ok('names', 'dnsmasq is there, and no container has names now')];
  const obstacles = await Promise.all(zones.map(({ zone }) => inputObstacle(world.names.open(), zone)));
  return zones.map(({ zone, entries, port, faults, missing }, index): Finding => {
    const { network, bridge, addresses } = zone;
    const check = `names of ${network}`;
    const wrong = [...faults, ...[...missing.values()].flat()];
    if (wrong.length > 0) return failed(check, wrong.join('; '), 'flatnetctl rules reload');
    const obstacle = obstacles[index];
    if (obstacle !== undefined) {
      const [reason = obstacle, commands = ''] = obstacle.split('; allow them, e.g.: ');
      return failed(check, reason, commands);
    }
    if (port === DNS_PORT) return ok(check, `${entries.length} containers are found`);
    const other = programAt('udp', DNS_PORT, addresses[0]) ?? 'another program';
    return ok(
      check,
      `${entries.length} containers are found; port 53 of ${bridge} is ${other}'s, so rules lead to ${port}`,
    );
  });
};
