/** Clamped segment sizes (`clampMSS`) that connected attachments need, and rebuilding them. */
import { networkHash } from '@flatnet/cni';
import { clampMss } from '@flatnet/kernel';
import type { Survey, Trace } from '../ipam/survey.ts';
import type { World } from '../world.ts';
import { configurationOf, subnetsOfTrace } from './masquerade.ts';
import { wishesOf } from './wishes.ts';

/** The attachments whose network is clamped. A host end of ours says that it was the flatnet plugin that connected them. */
export const clampedTraces = (survey: Survey): readonly Trace[] =>
  survey.traces.filter((trace) => {
    const config = configurationOf(trace, survey);
    return trace.linked && config !== undefined && wishesOf(config).clamp;
  });

/** Per network, the subnets of its attachments. A network of which nothing tells the subnets is left out. */
export function wantedClamps(survey: Survey): ReadonlyMap<string, readonly string[]> {
  const wanted = new Map<string, readonly string[]>();
  for (const trace of clampedTraces(survey)) {
    const config = configurationOf(trace, survey);
    const subnets = config === undefined ? [] : subnetsOfTrace(trace, config);
    const all = new Set([...(wanted.get(trace.network) ?? []), ...subnets]);
    if (all.size > 0) wanted.set(trace.network, [...all]);
  }
  return wanted;
}

/** Why the clamp of a network of `networks` does not stand; empty when all do. */
export async function rebuildClamps(
  world: World,
  survey: Survey,
  networks: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const wanted = wantedClamps(survey);
  const reasons = new Map<string, string>();
  for (const network of networks) {
    const subnets = wanted.get(network);
    if (subnets === undefined) {
      reasons.set(network, 'neither a result of ADD nor a lease tells its subnets: restart the container');
      continue;
    }
    try {
      await clampMss(world.run, networkHash(network), subnets);
    } catch (error) {
      reasons.set(network, error instanceof Error ? error.message : String(error));
    }
  }
  return reasons;
}
