import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import {
  addAlternativeName,
  applyAndList,
  applyIp,
  createVeth,
  deleteLink,
  ensureSysctls,
  findLink,
  IpError,
  isBatchWord,
  linkExists,
  parseAddressedLink,
  setLink,
  setPort,
  showAddresses,
  type AddressedLink,
  type IpCommand,
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
export function pairCommands(plan: Plan, { netns, mtu, claim }: VethOptions): readonly IpCommand[] {
  const { hostVeth } = plan;
  return [
    createVeth({
      ...{ host: hostVeth, hostMac: plan.hostMac, container: plan.ifName, containerMac: plan.containerMac },
      ...{ netns, mtu, group: claim },
    }),
    addAlternativeName(hostVeth, plan.alternative),
    // No link-local address on a bridge port: it would only be one more thing that answers.
    setLink(hostVeth, 'alias', plan.alias, 'addrgenmode', 'none'),
  ];
}

/** The host end on the bridge and up, the bridge up; prints the bridge. */
export function joinCommands({ hostVeth, config }: Plan): readonly IpCommand[] {
  return [
    setLink(hostVeth, 'master', config.bridge),
    setPort(hostVeth, { hairpin: config.hairpinMode, isolated: config.portIsolation }),
    setLink(hostVeth, 'group', 'default', 'up'),
    setLink(config.bridge, ...(config.promiscMode ? ['promisc', 'on'] : []), 'up'),
    showAddresses(config.bridge),
  ];
}

/**
 * Runs commands of the two above as one process.
 *
 * @param made is told whether the commands, if they begin with the pair, created it.
 * @returns the bridge, where they print it.
 * @throws CniError 100, 101 in the words of the configuration; ToolError.
 */
export async function connect(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  commands: readonly IpCommand[],
  made: { link: Created },
): Promise<AddressedLink | undefined> {
  if (!isBatchWord(netns)) {
    throw new CniError(
      ErrorCode.invalidNetns,
      'unusable path of a network namespace',
      `${JSON.stringify(netns)} has blanks or quotes: give a path without them`,
    );
  }
  const before = made.link;
  try {
    if (before === 'no') made.link = 'unknown';
    const [bridge] = await applyAndList(kernel, `attach ${plan.ifName} to bridge ${plan.config.bridge}`, commands);
    made.link = 'yes';
    return bridge === undefined ? undefined : parseAddressedLink(bridge);
  } catch (error) {
    made.link = before === 'no' ? createdBefore(error) : before;
    throw error instanceof IpError ? await explain(kernel, plan, netns, commands, error) : error;
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
 * @throws IpError.
 */
export async function disconnect(kernel: Kernel, names: AttachmentNames): Promise<'deleted' | 'absent' | 'foreign'> {
  if (await deleteIfThere(kernel, names.alternative, names)) return 'deleted';
  if (!linkExists(kernel, names.hostVeth)) return 'absent';
  const link = await findLink(kernel, names.hostVeth);
  if (link === undefined) return 'absent';
  if (!belongsTo(names, link)) return 'foreign';
  return (await deleteIfThere(kernel, names.hostVeth, names)) ? 'deleted' : 'absent';
}

async function deleteIfThere(kernel: Kernel, name: string, { hostVeth }: AttachmentNames): Promise<boolean> {
  try {
    await applyIp(kernel, `delete link ${hostVeth}`, [deleteLink(name)]);
    return true;
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
    return false;
  }
}
