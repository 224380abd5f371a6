import { CniError, ErrorCode } from '@flatnet/cni';
import { linkExists, type Change, type Kernel, type RtnetlinkError } from '@flatnet/kernel';
import { nameInUse } from './claim.ts';
import type { Plan } from './plan.ts';

/** What the kernel meant when it refused one of the changes that attach a container, in the words of the configuration. */
export function explain(
  kernel: Kernel,
  plan: Plan,
  netns: string,
  changes: readonly Change[],
  error: RtnetlinkError,
): Error {
  const { bridge } = plan.config;
  if (changes[error.failed]?.do === 'create-veth') return explainCreation(kernel, plan, netns, error);
  if (error.code === 'EXFULL') {
    return new CniError(
      ErrorCode.exhausted,
      `bridge ${bridge} is full`,
      'a Linux bridge has at most 1,023 ports: remove containers from this network, or use a second network',
      { cause: error },
    );
  }
  const cut = error.kind === 'aborted' || error.kind === 'timeout';
  const link = cut ? undefined : kernel.rtnetlink.findLink(bridge);
  if (link !== undefined && link.kind !== 'bridge') {
    const what = link.kind === undefined ? 'a device without a kind' : `a device of kind ${link.kind}`;
    const next = `it is ${what}; choose another name with the key "bridge"`;
    return new CniError(ErrorCode.conflict, `${bridge} is not a bridge`, next, { cause: error });
  }
  return error;
}

function explainCreation(kernel: Kernel, plan: Plan, netns: string, error: RtnetlinkError): Error {
  if (error.kind !== 'exists') return error;
  if (linkExists(kernel, plan.hostVeth)) return nameInUse(kernel, plan);
  return new CniError(
    ErrorCode.conflict,
    `interface ${plan.ifName} already exists in ${netns}`,
    'another network gave the container an interface of this name; choose another CNI_IFNAME',
    { cause: error },
  );
}
