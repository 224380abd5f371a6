import { missingParts, PARTS } from '@flatnet/shaping';
import { runsAs } from '../conflist/as-run.ts';
import { networksOf } from '../conflist/driver-networks.ts';
import { asking } from '../limit/shaping.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

/** Asked only where a network limits its containers. */
export const limits: Check = (world, { netDir, driverDirs, cniPath }) => {
  const limiting = networksOf({ netDir, driverDirs }).files.flatMap(({ network }) =>
    network.plugins.filter(({ type }) => runsAs(type, cniPath) === 'flatnet-bandwidth'),
  );
  if (limiting.length === 0) return [];
  if (!world.isRoot) return [warning('limits', 'cannot be tried without root', 'run it as root')];
  const missing = asking('ask the kernel what it has', () =>
    missingParts(world.shaping().wire, limiting.some(isBySubnets)),
  );
  if (missing.length === 0) return [ok('limits', 'the kernel has all that limits of bandwidth are made of')];
  return missing.map((part): Finding => {
    const { isNeeded, without, module } = PARTS[part];
    return (isNeeded ? failed : warning)('limits', `the kernel lacks ${part}: ${without}`, `modprobe ${module}`);
  });
};

const isBySubnets = (plugin: object): boolean =>
  Object.entries(plugin).some(
    ([key, value]) => /^(un)?shapedSubnets$/i.test(key) && Array.isArray(value) && value.length > 0,
  );
