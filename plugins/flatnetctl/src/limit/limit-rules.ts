import { reload, surveyLimits } from '@flatnet/shaping';
import type { Survey } from '../ipam/survey.ts';
import type { RuleEntry } from '../rules/rule-entry.ts';
import { showRate } from './rate.ts';
import type { World } from '../world.ts';
import { asking } from './shaping.ts';

/** The limits of living containers on the survey's networks, as rules: a flush of the ruleset takes their redirections away. */
export function limitRules(
  world: Pick<World, 'shaping'>,
  { subjects, traces }: Pick<Survey, 'subjects' | 'traces'>,
): readonly RuleEntry[] {
  const { wire, records } = world.shaping();
  const wanted = new Set(subjects.map(({ name }) => name));
  const names = new Map(traces.map(({ attachment, name = '' }) => [attachment.containerId, name]));
  return asking('read the limits', () => surveyLimits(wire, records)).flatMap((entry): RuleEntry[] => {
    const { owner, down, up, state, missing } = entry;
    if (!wanted.has(owner.network) || state === 'gone') return [];
    const { network, containerId, ifName } = owner;
    const words = Object.entries({ down, up }).flatMap(([direction, each]) =>
      each === undefined ? [] : [`${direction} ${showRate(each.rate)}`],
    );
    const rule = [...words, ...missing].join(', ');
    return rule === ''
      ? []
      : [{ kind: 'limit', network, containerId, ifName, name: names.get(containerId) ?? '', rule, state }];
  });
}

/** Sets them again. @returns why some could not be, by `limit` and the attachment's hash. */
export function reloadLimits(world: Pick<World, 'shaping'>): readonly (readonly [string, string])[] {
  const { wire, records } = world.shaping();
  return reload(wire, records).flatMap(({ owner, failure }) =>
    failure === undefined
      ? []
      : [[`limit ${owner.hash}`, failure instanceof Error ? failure.message : String(failure)]],
  );
}
