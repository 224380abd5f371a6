import { CniError, ErrorCode } from '@flatnet/cni';
import { findLink, IpError, linkExists, type IpCommand, type Kernel } from '@flatnet/kernel';
import { nameInUse } from './claim.ts';
import type { Plan } from './plan.ts';

/** What the kernel meant when it refused one of the commands that attach a container, in the words of the configuration. */
export async function explain(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  commands: readonly IpCommand[],
  error: IpError,
): Promise<Error> {
  const { bridge } = plan.config;
  const failed = error.failed === undefined ? undefined : commands[error.failed];
  if (failed?.[0] === 'link' && failed[1] === 'add') return explainCreation(kernel, plan, netns, error);
  if (/exchange full/i.test(error.reason)) {
    return new CniError(
      ErrorCode.exhausted,
      `bridge ${bridge} is full`,
      'a Linux bridge has at most 1,023 ports: remove containers from this network, or use a second network',
      { cause: error },
    );
  }
  const cut = error.kind === 'aborted' || error.kind === 'timeout';
  const link = cut ? undefined : await findLink(kernel, bridge);
  if (link !== undefined && link.kind !== 'bridge') {
    const what = link.kind === undefined ? 'a device without a kind' : `a device of kind ${link.kind}`;
    const next = `it is ${what}; choose another name with the key "bridge"`;
    return new CniError(ErrorCode.conflict, `${bridge} is not a bridge`, next, { cause: error });
  }
  if (failed === undefined) return error;
  return new IpError(error.kind, `${error.doing} (ip ${failed.join(' ')})`, error.reason, error.failed);
}

async function explainCreation(kernel: Kernel, plan: Plan, netns: string, error: IpError): Promise<Error> {
  if (error.kind !== 'exists') return error;
  if (linkExists(kernel, plan.hostVeth)) return nameInUse(kernel, plan);
  return new CniError(
    ErrorCode.conflict,
    `interface ${plan.ifName} already exists in ${netns}`,
    'another network gave the container an interface of this name; choose another CNI_IFNAME',
    { cause: error },
  );
}
