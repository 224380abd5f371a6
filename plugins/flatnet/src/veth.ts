import { ToolError } from '@flatnet/exec';
import {
  addAlternativeName,
  createVeth,
  deleteLink,
  ensureSysctls,
  linkExists,
  RtnetlinkError,
  setLink,
  setPort,
  type Change,
  type Kernel,
} from '@flatnet/kernel';
import { belongsTo, createdBefore, type Created } from './claim.ts';
import { explain } from './explain.ts';
import type { AttachmentNames } from './naming.ts';
import type { Plan } from './plan.ts';

export interface VethOptions {
  readonly netns: string;
  readonly mtu: number;
  /** From `claimNumber`. */
  readonly claim: number;
}

/** The veth pair with its owner's marks, both ends down. */
export function pairChanges(plan: Plan, { netns, mtu, claim }: VethOptions): readonly Change[] {
  const { hostVeth } = plan;
  return [
    createVeth({
      ...{ host: hostVeth, hostMac: plan.hostMac, container: plan.ifName, containerMac: plan.containerMac },
      ...{ netns, mtu, group: claim },
    }),
    addAlternativeName(hostVeth, plan.alternative),
    // No link-local address on a bridge port: it would only be one more thing that answers.
    setLink(hostVeth, { alias: plan.alias, noLinkLocal: true }),
  ];
}

const DEFAULT_GROUP = 0;

/** The host end on the bridge and up, the bridge up. */
export function joinChanges({ hostVeth, config }: Plan): readonly Change[] {
  return [
    setLink(hostVeth, { master: config.bridge }),
    setPort(hostVeth, { hairpin: config.hairpinMode, isolated: config.portIsolation }),
    setLink(hostVeth, { group: DEFAULT_GROUP, up: true }),
    setLink(config.bridge, { ...(config.promiscMode ? { promiscuous: true as const } : {}), up: true }),
  ];
}

/**
 * Makes changes of the two above.
 *
 * @param made is told whether the changes, if they begin with the pair, created it.
 * @throws CniError 100, 101 in the words of the configuration; RtnetlinkError.
 */
export function connect(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  changes: readonly Change[],
  made: { link: Created },
): void {
  const before = made.link;
  try {
    if (before === 'no') made.link = 'unknown';
    kernel.rtnetlink.change(`attach ${plan.ifName} to bridge ${plan.config.bridge}`, changes);
    made.link = 'yes';
  } catch (error) {
    made.link = before === 'no' ? createdBefore(error) : before;
    throw error instanceof RtnetlinkError ? explain(kernel, plan, netns, changes, error) : error;
  }
}

/** The host end takes no router advertisement from a container. @returns the settings that cannot be written. */
export const quietHostEnd = (kernel: Kernel, hostVeth: string): readonly string[] =>
  ensureSysctls(kernel, { [`ipv6/conf/${hostVeth}/accept_ra`]: '0', [`ipv6/conf/${hostVeth}/autoconf`]: '0' });

/**
 * Deletes the attachment's veth pair, wherever its container end is by now. Deleting by the alternative name checks the owner in the
 * same call, and finds a link that was renamed.
 *
 * @returns `foreign` for a link of that name that is not this attachment's, which stays as it is.
 * @throws RtnetlinkError.
 */
export function disconnect(kernel: Kernel, names: AttachmentNames): 'deleted' | 'absent' | 'foreign' {
  if (deleteIfThere(kernel, names.alternative, names)) return 'deleted';
  if (!linkExists(kernel, names.hostVeth)) return 'absent';
  const link = kernel.rtnetlink.findLink(names.hostVeth);
  if (link === undefined) return 'absent';
  if (!belongsTo(names, link)) return 'foreign';
  return deleteIfThere(kernel, names.hostVeth, names) ? 'deleted' : 'absent';
}

function deleteIfThere(kernel: Kernel, name: string, { hostVeth }: AttachmentNames): boolean {
  try {
    kernel.rtnetlink.change(`delete link ${hostVeth}`, [deleteLink(name)]);
    return true;
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
    return false;
  }
}
