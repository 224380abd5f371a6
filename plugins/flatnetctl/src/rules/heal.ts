/**
 * Everything of flatnet's that the kernel shall have and has not is made again, and what dead attachments left goes. One look decides
 * whether there is anything to do, since this runs again and again where a daemon watches.
 */
import { bridgeRules, restoreBridges } from '../bridges/bridge-rules.ts';
import { findingsOf } from '../ipam/findings.ts';
import { freeFinding, type Freed } from '../ipam/free.ts';
import { survey, type Survey } from '../ipam/survey.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { listRules } from './list-rules.ts';
import { reloadRules, type Reloaded } from './reload.ts';
import type { RuleEntry } from './rule-entry.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface Healed extends Reloaded {
  /** What dead attachments had, and what became of it. */
  readonly freed: readonly Freed[];
}

export interface HealOptions {
  /** Networks that are left as they are. */
  readonly except: readonly string[];
  readonly dryRun: boolean;
}

const keyOf = ({ kind, network, containerId, ifName }: RuleEntry): string =>
  JSON.stringify([kind, network, containerId, ifName]);

/** The caller has the operator's lock. @throws ToolError when the kernel cannot be asked at all. */
export async function heal(world: World, places: Places, { except, dryRun }: HealOptions): Promise<Healed> {
  const look = async (): Promise<Survey> =>
    without(await survey(world, places, [], { insideToo: false }), new Set(except));
  const before = await look();
  // Rules name bridges, and name servers listen on them.
  const bridges = await bridgeRules(world, before);
  if (bridges.length > 0 && !dryRun) await restoreBridges(world, before);
  const missing = (await listRules(world, before)).filter(({ state }) => state === 'missing');
  const dead = findingsOf(before).filter(({ gc }) => gc);
  if (dryRun) {
    const freed = dead.map((finding) => ({ finding, outcome: 'would free' as const, reason: '' }));
    return { rebuilt: missing, dropped: [], failed: [], freed };
  }
  const reloaded =
    missing.length === 0 ? { rebuilt: [], dropped: [], failed: [] } : await reloadRules(world, look, new Set(except));
  const left = new Set(reloaded.failed.map(keyOf));
  const restored = bridges.filter((entry) => !left.has(keyOf(entry)));
  const freed: Freed[] = [];
  for (const finding of dead) freed.push(await freeFinding(world, places, finding));
  return { ...reloaded, rebuilt: [...restored, ...reloaded.rebuilt], freed };
}

const without = (found: Survey, except: ReadonlySet<string>): Survey =>
  except.size === 0
    ? found
    : {
        ...found,
        subjects: found.subjects.filter(({ name }) => !except.has(name)),
        traces: found.traces.filter(({ network }) => !except.has(network)),
        unreadable: found.unreadable.filter(({ network }) => !except.has(network)),
        // Of a network whose name is not known, it may be one of these.
        orphans: found.orphans.filter(({ network }) => network !== '' && !except.has(network)),
      };
