import { rebuild, survey } from '@flatnet/policy';
import type { Survey } from '../ipam/survey.ts';
import type { RuleEntry } from '../rules/rule-entry.ts';
import type { World } from '../world.ts';
import { networkWords, verdictWords } from './words.ts';

/** Isolation and policies of containers on the survey's networks, as rules. @throws ToolError, RtnetlinkError. */
export async function policyRules(
  { policies }: Pick<World, 'policies'>,
  { subjects, traces }: Pick<Survey, 'subjects' | 'traces'>,
): Promise<readonly RuleEntry[]> {
  const wanted = new Set(subjects.map(({ name }) => name));
  const names = new Map(traces.map(({ attachment, name = '' }) => [attachment.containerId, name]));
  return (await survey(policies.open())).flatMap(({ record: { network }, attachments }) =>
    !wanted.has(network.name)
      ? []
      : attachments.map(({ record: { owner, attachment }, missing }): RuleEntry => {
          const words = [networkWords(network), verdictWords(attachment.verdicts)].filter(Boolean).join('; ');
          const { containerId, ifName } = owner;
          return {
            ...{ kind: 'policy', network: network.name, containerId, ifName, name: names.get(containerId) ?? '' },
            ...{ rule: words || 'open', state: missing.length === 0 ? 'ok' : 'missing' },
          };
        }),
  );
}

/** Makes them again. @returns why some could not be, by `policy` and the attachment's hash. */
export async function reloadPolicies({
  policies,
}: Pick<World, 'policies'>): Promise<readonly (readonly [string, string])[]> {
  const world = policies.open();
  if (!world.folder.exists()) return [];
  try {
    await rebuild(world);
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return world.folder.attachments.all().map(({ owner }) => [`policy ${owner.hash}`, why] as const);
  }
}
