import { missingParts, type Part } from '@flatnet/shaping';
import { runsAs } from '../conflist/as-run.ts';
import { readDirectory } from '../conflist/directory.ts';
import { asking } from '../limit/shaping.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

/** What each part of the kernel is for. */
const PARTS: Readonly<Record<Part, { readonly needed: boolean; readonly without: string; readonly module: string }>> = {
  tbf: { needed: true, without: 'no limit can be set', module: 'sch_tbf' },
  ifb: { needed: true, without: 'containers with CAP_NET_ADMIN can end the limit of what they send', module: 'ifb' },
  nft_fwd_netdev: { needed: false, without: 'u32 filters redirect in its place', module: 'nft_fwd_netdev' },
  fq_codel: { needed: false, without: 'flows of a limited container wait for each other', module: 'sch_fq_codel' },
};

/** Asked only where a network limits its containers. */
export const limits: Check = (world, { netDir, cniPath }) => {
  const limiting = readDirectory(netDir).files.filter(({ network }) =>
    network.plugins.some(({ type }) => runsAs(type, cniPath) === 'flatnet-bandwidth'),
  );
  if (limiting.length === 0) return [];
  if (!world.isRoot) return [warning('limits', 'cannot be tried without root', 'run it as root')];
  const missing = asking('ask the kernel what it has', () => missingParts(world.shaping().wire));
  if (missing.length === 0) return [ok('limits', 'the kernel has all that limits of bandwidth are made of')];
  return missing.map((part): Finding => {
    const { needed, without, module } = PARTS[part];
    return (needed ? failed : warning)('limits', `the kernel lacks ${part}: ${without}`, `modprobe ${module}`);
  });
};
