/**
 * Rebuilding after `nft flush ruleset`, a firewall's restart, or by hand: from records alone, for living attachments alone. The rules
 * of others are not looked at. What stands already is left as it stands.
 */
import { forgetStaleFlows, isDead, portsOf, reload, type PublishRecord } from '@flatnet/hostport';
import { ToolError } from '@flatnet/exec';
import { restoreBridges } from '../bridges/bridge-rules.ts';
import { recordsOf, type Survey } from '../ipam/survey.ts';
import { reloadNames } from '../names/name-rules.ts';
import { reloadLimits } from '../limit/limit-rules.ts';
import { reloadPolicies } from '../policy/policy-rules.ts';
import type { World } from '../world.ts';
import { listRules } from './list-rules.ts';
import { restoreLocalnet } from './localnet.ts';
import type { RuleEntry } from './rule-entry.ts';
import { rebuildRules } from './rebuild.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface Reloaded {
  /** What was missing and stands now. */
  readonly rebuilt: readonly RuleEntry[];
  /** Attachments whose container is gone: their record was removed. */
  readonly dropped: readonly { readonly network: string; readonly containerId: string; readonly ifName: string }[];
  /** What is still missing, and why. */
  readonly failed: readonly (RuleEntry & { readonly reason: string })[];
}

const keyOf = ({ kind, network, containerId, ifName, rule }: RuleEntry): string =>
  JSON.stringify([kind, network, containerId, ifName, rule]);

/**
 * @param except networks that are left as they are. Names, limits and policies are made for all networks in one step, so that these wait
 * where one of them is missing something alone.
 * @throws ToolError when the kernel cannot be asked at all.
 */
export async function reloadRules(
  world: World,
  look: () => Promise<Survey>,
  except: ReadonlySet<string> = new Set(),
): Promise<Reloaded> {
  const survey = await look();
  const missing = (await listRules(world, survey)).filter(({ state }) => state === 'missing');
  const lives = new Map(survey.traces.map(({ mark, life }) => [mark, life]));
  // A link or a namespace elsewhere counts too, where the record alone would say "gone".
  const isGone = (record: PublishRecord): boolean => (lives.get(record.owner.hash) ?? lifeByRecord(record)) === 'gone';
  /** By kind and mark. The bridges come first: rules name them. */
  const reasons = new Map<string, string>(await restoreBridges(world, survey));
  const dropped: PublishRecord[] = [];
  for (const records of recordsOf(survey.subjects)) {
    const isPaused = (record: PublishRecord): boolean => except.has(record.owner.network);
    const outcome = await reload(world.kernel.nft, records, { isGone, isPaused });
    dropped.push(...outcome.dropped);
    for (const { record, reason } of outcome.failed) reasons.set(`published ${record.owner.hash}`, reason);
    for (const record of records.all().filter((each) => !isPaused(each))) {
      try {
        restoreLocalnet(world.kernel, record);
      } catch (error) {
        reasons.set(`published ${record.owner.hash}`, error instanceof Error ? error.message : String(error));
      }
    }
    forgetFlows(world, records.all());
  }
  const kinds = new Set(missing.map(({ kind }) => kind));
  const isWanted = (kind: RuleEntry['kind']): boolean => except.size === 0 || kinds.has(kind);
  const refused = [
    ...(await rebuildRules(world, survey)),
    ...(isWanted('limit') ? reloadLimits(world) : []),
    ...(isWanted('names') ? await reloadNames(world) : []),
    ...(isWanted('policy') ? await reloadPolicies(world) : []),
  ];
  for (const [what, reason] of refused) reasons.set(what, reason);
  return {
    ...(await outcomeOf(world, survey, await look(), missing, reasons)),
    dropped: dropped.map(({ owner }) => identity(owner)),
  };
}

const lifeByRecord = (record: PublishRecord) => (isDead(record) ? 'gone' : 'alive');

const identity = ({ network, containerId, ifName }: PublishRecord['owner']) => ({ network, containerId, ifName });

/** UDP that came while there were no rules is tracked as the host's own, and would go on to it. */
function forgetFlows(world: World, records: readonly PublishRecord[]): void {
  try {
    forgetStaleFlows(
      world.kernel.conntrack,
      records.flatMap(({ publications }) => portsOf(publications)),
    );
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.kind !== 'missing') world.err(`old flows stay until they expire: ${error.reason}\n`);
  }
}

async function outcomeOf(
  world: World,
  survey: Survey,
  after: Survey,
  missing: readonly RuleEntry[],
  reasons: ReadonlyMap<string, string>,
): Promise<Pick<Reloaded, 'rebuilt' | 'failed'>> {
  const living = missing.filter((rule) => lifeOfRule(survey, rule) !== 'gone');
  const still = new Set((await listRules(world, after)).filter(({ state }) => state === 'missing').map(keyOf));
  return {
    rebuilt: living.filter((rule) => !still.has(keyOf(rule))),
    failed: living
      .filter((rule) => still.has(keyOf(rule)))
      .map((rule) => ({ ...rule, reason: reasonOf(survey, rule, reasons) })),
  };
}

const traceOf = ({ traces }: Survey, { network, containerId, ifName }: RuleEntry) =>
  traces.find(
    ({ network: own, attachment }) =>
      own === network && attachment.containerId === containerId && attachment.ifName === ifName,
  );

const lifeOfRule = (survey: Survey, rule: RuleEntry) => traceOf(survey, rule)?.life;

function reasonOf(survey: Survey, rule: RuleEntry, reasons: ReadonlyMap<string, string>): string {
  const mark = traceOf(survey, rule)?.mark ?? '';
  return reasons.get(`${rule.kind} ${mark}`) ?? 'it is gone again';
}
