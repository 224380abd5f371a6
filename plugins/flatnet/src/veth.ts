import { CniError, ErrorCode } from '@flatnet/cni';
import { ToolError } from '@flatnet/exec';
import {
  addAlternativeName,
  applyIp,
  createVeth,
  deleteLink,
  ensureSysctls,
  findLink,
  IpError,
  isBatchWord,
  linkExists,
  setLink,
  setPort,
  type IpCommand,
  type Kernel,
} from '@flatnet/kernel';
import type { AttachmentNames } from './naming.ts';
import type { Plan } from './plan.ts';

/** This attachment exists already: nothing of it may be undone, its lease included. */
export class AttachmentExists extends CniError {
  constructor({ ifName, network, hostVeth }: Plan) {
    super(
      ErrorCode.conflict,
      `interface ${ifName} of this container is attached to network ${network} already`,
      `its host end ${hostVeth} exists and was left as it is; DEL it first`,
    );
  }
}

/** Creation is the first command: if it fails, nothing was made; if it succeeds, the link is ours. */
const CREATE = 0;

/** The veth pair, marked with its owner, on the bridge and up; the bridge up. In one process. */
export async function connect(kernel: Kernel, plan: Plan, netns: string, mtu: number): Promise<void> {
  if (!isBatchWord(netns)) {
    throw new CniError(
      ErrorCode.invalidNetns,
      'unusable path of a network namespace',
      `${JSON.stringify(netns)} has blanks or quotes`,
    );
  }
  const commands = connectCommands(plan, netns, mtu);
  try {
    await applyIp(kernel, `attach ${plan.ifName} to bridge ${plan.config.bridge}`, commands);
  } catch (error) {
    throw error instanceof IpError ? await explain(kernel, plan, netns, commands, error) : error;
  }
  const quiet = { [`ipv6/conf/${plan.hostVeth}/accept_ra`]: '0', [`ipv6/conf/${plan.hostVeth}/autoconf`]: '0' };
  ensureSysctls(kernel, quiet);
}

export function connectCommands(plan: Plan, netns: string, mtu: number): readonly IpCommand[] {
  const { hostVeth, config } = plan;
  return [
    createVeth({
      host: hostVeth,
      hostMac: plan.hostMac,
      container: plan.ifName,
      containerMac: plan.containerMac,
      netns,
      mtu,
    }),
    addAlternativeName(hostVeth, plan.alternative),
    // No link-local address on a bridge port: it would only be one more thing that answers.
    setLink(hostVeth, 'alias', plan.alias, 'addrgenmode', 'none', 'master', config.bridge),
    setPort(hostVeth, { hairpin: config.hairpinMode, isolated: config.portIsolation }),
    setLink(hostVeth, 'up'),
    setLink(config.bridge, ...(config.promiscMode ? ['promisc', 'on'] : []), 'up'),
  ];
}

/** What the kernel meant, in the words of the configuration. */
async function explain(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  commands: readonly IpCommand[],
  error: IpError,
): Promise<Error> {
  const { bridge } = plan.config;
  if (error.failed === CREATE) return explainCreation(kernel, plan, netns, error);
  if (/exchange full/i.test(error.reason)) {
    return new CniError(
      ErrorCode.exhausted,
      `bridge ${bridge} is full`,
      'a Linux bridge has at most 1,023 ports: remove containers from this network, or use a second network',
      { cause: error },
    );
  }
  const kind = error.kind === 'aborted' || error.kind === 'timeout' ? 'bridge' : (await findLink(kernel, bridge))?.kind;
  if (kind !== 'bridge') {
    const what = kind === undefined ? 'a device without a kind' : `a device of kind ${kind}`;
    return new CniError(
      ErrorCode.conflict,
      `${bridge} is not a bridge`,
      `it is ${what}; choose another name with the key "bridge"`,
      {
        cause: error,
      },
    );
  }
  const failed = error.failed === undefined ? undefined : commands[error.failed];
  if (failed === undefined) return error;
  return new IpError(error.kind, `${error.doing} (ip ${failed.join(' ')})`, error.reason, error.failed);
}

function explainCreation(kernel: Kernel, plan: Plan, netns: string, error: IpError): Error {
  if (error.kind !== 'exists') return error;
  if (linkExists(kernel, plan.hostVeth)) return new AttachmentExists(plan);
  return new CniError(
    ErrorCode.conflict,
    `interface ${plan.ifName} already exists in ${netns}`,
    'another network gave the container an interface of this name; choose another CNI_IFNAME',
    { cause: error },
  );
}

/**
 * Deletes the attachment's veth pair, wherever its container end is by now. Deleting by the alternative name checks the owner in the
 * same call; a link that has our hashed name but not yet its marks (ADD was killed between two commands) is ours too.
 *
 * @returns whether it was there.
 * @throws CniError code 100 for a link of that name that belongs to somebody else; IpError.
 */
export async function disconnect(kernel: Kernel, names: AttachmentNames): Promise<boolean> {
  if (!linkExists(kernel, names.hostVeth)) return false;
  const doing = `delete link ${names.hostVeth}`;
  try {
    await applyIp(kernel, doing, [deleteLink(names.alternative)]);
    return true;
  } catch (error) {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
  }
  const link = await findLink(kernel, names.hostVeth);
  if (link === undefined) return true;
  const ours = link.kind === 'veth' && (link.alias === undefined || link.alias === names.alias);
  if (!ours) {
    throw new CniError(
      ErrorCode.conflict,
      `link ${names.hostVeth} is not ours`,
      `its alias is ${JSON.stringify(link.alias ?? '')}, not ${JSON.stringify(names.alias)}; it was left as it is`,
    );
  }
  await applyIp(kernel, doing, [deleteLink(names.hostVeth)]).catch((error: unknown) => {
    if (!(error instanceof ToolError && error.kind === 'not-found')) throw error;
  });
  return true;
}
