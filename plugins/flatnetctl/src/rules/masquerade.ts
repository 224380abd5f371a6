/** Which outbound masquerades living attachments need, from what is recorded of them. Pure. */
import { parseCidr } from '@flatnet/addressing';
import { networkHash } from '@flatnet/cni';
import type { Masquerade } from '@flatnet/kernel';
import { networkOfCached } from '../chain/attachment.ts';
import type { CachedAttachment } from '../chain/cache.ts';
import { addressesOf as addressesOfInterface, readResult } from '../chain/result.ts';
import { asRun } from '../conflist/as-run.ts';
import { mainPlugin, type Network, type PluginConfig } from '../conflist/model.ts';
import { readable, subnetsOf } from '../conflist/subnets.ts';
import type { Survey, Trace } from '../ipam/survey.ts';

export interface WantedMasquerade {
  readonly network: string;
  readonly masquerade: Masquerade;
}

/** One per network, with the subnets in the order in which ADD would give them. */
export function wantedMasquerades(survey: Survey): readonly WantedMasquerade[] {
  const wanted = new Map<string, Set<string>>();
  for (const trace of survey.traces) {
    if (trace.life !== 'alive') continue;
    const config = configurationOf(trace, survey);
    if (config === undefined || !isMasqueraded(mainPlugin(config))) continue;
    const subnets = wanted.get(trace.network) ?? new Set();
    wanted.set(trace.network, subnets);
    for (const subnet of subnetsOfTrace(trace, config)) subnets.add(subnet);
  }
  return [...wanted].flatMap(([network, subnets]) =>
    subnets.size === 0 ? [] : [{ network, masquerade: { tag: networkHash(network), subnets: [...subnets] } }],
  );
}

/** The configuration of ADD, else the present one, with its plugins as they run. */
export function configurationOf({ cached, network }: Trace, { subjects, cniPath }: Survey): Network | undefined {
  const config =
    (cached === undefined ? undefined : networkOfCached(cached)) ??
    subjects.find(({ name }) => name === network)?.file?.network;
  return config === undefined ? undefined : asRun(config, cniPath);
}

/** The flatnet plugin's rule: a configuration that says nothing of routing wants a network that works. */
function isMasqueraded(main: PluginConfig): boolean {
  const { type, internal, ipMasq, isGateway, isDefaultGateway } = main;
  if (type !== 'flatnet' || internal === true) return false;
  const saysNothing = [ipMasq, isGateway, isDefaultGateway].every((key) => key === undefined || key === null);
  return typeof ipMasq === 'boolean' ? ipMasq : saysNothing;
}

/** By the result of ADD; without one by the lease, in the subnets that are configured now. */
export function subnetsOfTrace({ cached, lease, attachment }: Trace, config: Network): readonly string[] {
  const texts = cached === undefined ? [] : addressesOf(cached, attachment.ifName);
  const cidrs = texts.flatMap((text) => readable(() => parseCidr(text)) ?? []);
  if (cidrs.length > 0) return cidrs.map((cidr) => `${cidr.network}/${cidr.prefix}`);
  const configured = subnetsOf(config).map(({ subnet }) => subnet);
  return (lease?.ips ?? []).flatMap((ip) => {
    const subnet = configured.find((candidate) => candidate.contains(ip));
    return subnet === undefined ? [] : [`${subnet.network}/${subnet.prefix}`];
  });
}

/** What ADD answered for this interface. */
export const addressesOf = ({ result }: CachedAttachment, ifName: string): readonly string[] =>
  addressesOfInterface(readResult(result), ifName);
