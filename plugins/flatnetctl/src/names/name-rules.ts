import { reload, survey } from '@flatnet/dns';
import type { Survey } from '../ipam/survey.ts';
import type { RuleEntry } from '../rules/rule-entry.ts';
import type { World } from '../world.ts';

/** The names of containers on the survey's networks: they are served from the records that rules are rebuilt from. */
export async function nameRules(
  world: Pick<World, 'names'>,
  { subjects, traces }: Pick<Survey, 'subjects' | 'traces'>,
): Promise<readonly RuleEntry[]> {
  const wanted = new Set(subjects.map(({ name }) => name));
  const names = new Map(traces.map(({ attachment, name = '' }) => [attachment.containerId, name]));
  return (await survey(world.names.open())).flatMap(({ zone, entries, faults, missing }): readonly RuleEntry[] =>
    wanted.has(zone.network)
      ? entries.map(({ owner: { network, containerId, ifName, hash }, names: own }) => ({
          ...{ kind: 'names', network, containerId, ifName, name: names.get(containerId) ?? '', rule: own.join(', ') },
          state: faults.length > 0 || missing.has(hash) ? 'missing' : 'ok',
        }))
      : [],
  );
}

/** Serves them again. @returns why some could not be, by `names` and the attachment's hash. */
export async function reloadNames(world: Pick<World, 'names'>): Promise<readonly (readonly [string, string])[]> {
  const names = world.names.open();
  return (await reload(names)).flatMap(({ zone, failure }) =>
    failure === undefined
      ? []
      : names.folder
          .attachments(zone.networkHash)
          .map(({ hash }) => [`names ${hash}`, failure instanceof Error ? failure.message : String(failure)] as const),
  );
}
