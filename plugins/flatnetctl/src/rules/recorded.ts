/**
 * What is recorded of a connected attachment:
 *
 *   configuration   that of ADD, else the present one
 *   addresses       the result of ADD, else the lease, in the subnets that are configured now
 *   MAC             the result of ADD, else the one that follows from its address or the attachment, if the container has it
 *
 * What the container itself shows is never taken for its own: a container that may change its interface would so be allowed to
 * send with the address of another.
 */
import { Cidr, parseCidr } from '@flatnet/addressing';
import { macOf, stableMac } from '@flatnet/cni';
import { machineId, type Kernel } from '@flatnet/kernel';
import { networkOfCached } from '../chain/attachment.ts';
import { addressesOf, readResult } from '../chain/result.ts';
import { asRun } from '../conflist/as-run.ts';
import type { Network } from '../conflist/model.ts';
import { readable, subnetsOf } from '../conflist/subnets.ts';
import type { Survey, Trace } from '../ipam/survey.ts';
import { factsOf } from '../network/describe.ts';

/** With its plugins as they run. */
export function configurationOf({ cached, network }: Trace, { subjects, cniPath }: Survey): Network | undefined {
  const config =
    (cached === undefined ? undefined : networkOfCached(cached)) ??
    subjects.find(({ name }) => name === network)?.file?.network;
  return config === undefined ? undefined : asRun(config, cniPath);
}

/** Empty where nothing tells them. */
export function cidrsOf({ cached, lease, attachment }: Trace, config: Network): readonly Cidr[] {
  const texts = cached === undefined ? [] : addressesOf(readResult(cached.result), attachment.ifName);
  const answered = texts.flatMap((text) => readable(() => parseCidr(text)) ?? []);
  if (answered.length > 0) return answered;
  const configured = subnetsOf(config).map(({ subnet }) => subnet);
  return (lease?.ips ?? []).flatMap((ip) => {
    const subnet = configured.find((candidate) => candidate.contains(ip));
    return subnet === undefined ? [] : [new Cidr(ip, subnet.prefix)];
  });
}

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** @param address the first one. @returns undefined where nothing tells it. */
export function macOfTrace(kernel: Kernel, trace: Trace, address: string | undefined): string | undefined {
  const { cached, attachment, mark, netns, network } = trace;
  const recorded = cached === undefined ? undefined : factsOf(cached).mac?.toLowerCase();
  if (recorded !== undefined && MAC.test(recorded)) return recorded;
  const machine = machineId(kernel);
  // The second one is that of an attachment that an older version made.
  const derived = [
    ...(address === undefined ? [] : [stableMac('container', machine, network, address)]),
    macOf(mark.slice(12)),
  ];
  const present = netns === undefined ? undefined : presentMac(kernel, netns, attachment.ifName);
  return derived.find((mac) => mac === present);
}

function presentMac({ rtnetlink }: Kernel, netns: string, ifName: string): string | undefined {
  try {
    return rtnetlink.findLink(ifName, netns)?.mac;
  } catch {
    // A namespace that cannot be looked into proves nothing.
    return undefined;
  }
}
