/** The bridges of living attachments, their ports and addresses, as far as they are not as ADD made them. */
import { hasCapability } from '@flatnet/cni';
import { mainPlugin } from '../conflist/model.ts';
import type { Survey, Trace } from '../ipam/survey.ts';
import { configurationOf } from '../rules/recorded.ts';
import type { RuleEntry } from '../rules/rule-entry.ts';
import type { World } from '../world.ts';
import type { RecordedAttachment } from './host-side.ts';

type Asked = Pick<World, 'hostSide' | 'kernel'>;

/** One entry for each attachment whose host side has faults. What cannot be told is no fault. */
export async function bridgeRules({ hostSide, kernel }: Asked, survey: Survey): Promise<readonly RuleEntry[]> {
  const entries: RuleEntry[] = [];
  for (const { trace, recorded } of recordedOf(survey)) {
    const faults = (await hostSide?.faults(recorded, kernel).catch(() => [])) ?? [];
    if (faults.length === 0) continue;
    const { network, attachment, name = '' } = trace;
    entries.push({ kind: 'bridge', network, ...attachment, name, rule: faults.join('; '), state: 'missing' });
  }
  return entries;
}

/** Makes them again. @returns why some could not be, by `bridge` and the attachment's mark. */
export async function restoreBridges(
  { hostSide, kernel }: Asked,
  survey: Survey,
): Promise<readonly (readonly [string, string])[]> {
  const failures: (readonly [string, string])[] = [];
  for (const { trace, recorded } of recordedOf(survey)) {
    try {
      const { left = [] } = (await hostSide?.restore(recorded, kernel)) ?? {};
      if (left.length > 0) failures.push([`bridge ${trace.mark}`, left.join('; ')]);
    } catch (error) {
      failures.push([`bridge ${trace.mark}`, error instanceof Error ? error.message : String(error)]);
    }
  }
  return failures;
}

/** Attachments that flatnet connected and that live. Without the result of ADD nothing tells what the bridge shall have. */
function recordedOf(survey: Survey): readonly { readonly trace: Trace; readonly recorded: RecordedAttachment }[] {
  return survey.traces.flatMap((trace) => {
    const network = configurationOf(trace, survey);
    const { cached, attachment, life, linked } = trace;
    if (network === undefined || cached === undefined || life !== 'alive' || !linked) return [];
    const main = mainPlugin(network);
    if (main.type !== 'flatnet' || Object.keys(cached.result).length === 0) return [];
    const given = Object.entries(cached.capabilityArgs).filter(([capability]) => hasCapability(main, capability));
    const config = given.length === 0 ? main : { ...main, runtimeConfig: Object.fromEntries(given) };
    const recorded = {
      ...{ network: trace.network, ...attachment, netns: cached.netns ?? trace.netns ?? '' },
      ...{ args: new Map(cached.cniArgs), cniVersion: network.cniVersion, config, result: cached.result },
    };
    return [{ trace, recorded }];
  });
}
