/**
 * Guards of ports (`antiSpoof`, `macspoofchk`) that connected attachments need, and what of them is recorded:
 *
 *   MAC         the result of ADD, else the one that follows from its address or the attachment, if the container has it
 *   addresses   the result of ADD, else the lease
 *
 * What the container itself shows is never taken for its own: a container that may change its interface would so be allowed to
 * send as somebody else.
 */
import { parseCidr } from '@flatnet/addressing';
import { macOf, networkHash, stableMac } from '@flatnet/cni';
import type { Run } from '@flatnet/exec';
import { machineId, queryIp, realProc, type GuardedPort } from '@flatnet/kernel';
import { hostEndOf } from '../chain/life.ts';
import { ipamOf } from '../conflist/model.ts';
import { readable } from '../conflist/subnets.ts';
import type { Survey, Trace } from '../ipam/survey.ts';
import { factsOf } from '../network/describe.ts';
import { addressesOf, configurationOf } from './masquerade.ts';
import { wishesOf } from './wishes.ts';

/** An attachment whose port has to be guarded. */
export interface Guarded {
  readonly trace: Trace;
  /** Which addresses it may send from: `any` for `macspoofchk` and for an attachment without IPAM. */
  readonly addresses: 'own' | 'any';
}

/** A host end of ours says that it was the flatnet plugin that connected the container. */
export const guardedTraces = (survey: Survey): readonly Guarded[] =>
  survey.traces.flatMap((trace): Guarded[] => {
    const config = configurationOf(trace, survey);
    const guard = config === undefined || !trace.linked ? undefined : wishesOf(config).guard;
    if (config === undefined || guard === undefined) return [];
    const hasAddresses = typeof ipamOf(config)['type'] === 'string' && ipamOf(config)['type'] !== '';
    return [{ trace, addresses: guard === 'all' && hasAddresses ? 'own' : 'any' }];
  });

/** The port as ADD guarded it, or why nothing tells how that was. */
export async function guardedPort(run: Run, { trace, addresses }: Guarded): Promise<GuardedPort | { why: string }> {
  const { network, attachment } = trace;
  const containerMac = await macOfTrace(run, trace);
  if (containerMac === undefined) return { why: 'no result of ADD tells its MAC: restart the container' };
  const port = { tag: networkHash(network), hostVeth: hostEndOf(network, attachment), containerMac };
  if (addresses === 'any') return port;
  const own = addressesOfTrace(trace);
  if (own.length === 0)
    return { why: 'neither a result of ADD nor a lease tells its addresses: restart the container' };
  return { ...port, addresses: own };
}

function addressesOfTrace({ cached, lease, attachment }: Trace): readonly string[] {
  const texts = cached === undefined ? [] : addressesOf(cached, attachment.ifName);
  const answered = texts.flatMap((text) => readable(() => parseCidr(text)) ?? []).map(({ ip }) => String(ip));
  return answered.length > 0 ? answered : (lease?.ips ?? []).map(String);
}

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

async function macOfTrace(run: Run, trace: Trace): Promise<string | undefined> {
  const { cached, attachment, mark, netns, network } = trace;
  const recorded = cached === undefined ? undefined : factsOf(cached).mac?.toLowerCase();
  if (recorded !== undefined && MAC.test(recorded)) return recorded;
  const [address] = addressesOfTrace(trace);
  const machine = machineId({ proc: realProc });
  // The second one is that of an attachment that an older version made.
  const derived = [
    ...(address === undefined ? [] : [stableMac('container', machine, network, address)]),
    macOf(mark.slice(12)),
  ];
  const present = netns === undefined ? undefined : await presentMac(run, netns, attachment.ifName);
  return derived.find((mac) => mac === present);
}

async function presentMac(run: Run, netns: string, ifName: string): Promise<string | undefined> {
  try {
    const words = ['link', 'show', 'dev', ifName];
    const [link] = await queryIp({ run, proc: realProc }, `look at ${ifName} in ${netns}`, words, netns);
    return typeof link?.['address'] === 'string' ? link['address'] : undefined;
  } catch {
    // A namespace that cannot be looked into proves nothing.
    return undefined;
  }
}
