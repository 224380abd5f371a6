/** ADD. Invariant: refuse, record what was there, arm, act, report. */
import { type AddResult, ownerOf } from '@flatnet/cni';
import { type AddRequest, chainedResult, type Rollback } from '@flatnet/skel';
import { isSameLink, type LinkTuning, stateOf, sysctlsOf, tune } from '@flatnet/tuning';
import type { TuningConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';
import { refuseUnlisted } from './sysctls.ts';
import { isEmpty, tuned, tuningOf } from './tuning.ts';

export async function add(deps: Deps, request: AddRequest<TuningConfig>, rollback: Rollback): Promise<AddResult> {
  const { config, network, attachment, netns } = request;
  const result = chainedResult(request, 'flatnet-tuning');
  const tuning = tuningOf(request, result);
  if (isEmpty(tuning)) return result;
  refuseUnlisted(config.sysctls, deps.allowlist());
  const [sys, records, owner] = [deps.sys(), deps.records(), ownerOf(network, attachment)];
  const place = { netns, ifName: attachment.ifName };
  const doing = `tune ${attachment.ifName} of container ${attachment.containerId}`;
  const { before, link } = named(doing, () => {
    const { values, identity } = stateOf(sys, place, tuning.link);
    return { before: { link: values, sysctls: sysctlsOf(sys, netns, tuning) }, link: identity };
  });
  const record = records.read(owner);
  const earlier = record !== undefined && isSameLink(record.link, link) ? record : undefined;
  // Of a repeated ADD what was there before the first one is put back. Settings of the namespace go with it.
  const kept = { ...before.link, ...earlier?.before };
  const set = [...(earlier?.set ?? []), tuning.link];
  const own = { version: 1, owner, netns, link, before: kept } as const;
  if (Object.keys(kept).length > 0) records.write({ ...own, set });
  rollback.arm('settings', async () => {
    tune(sys, place, before);
    if (earlier === undefined) records.remove(owner);
    else records.write(earlier);
  });
  await request.phase('tune', async () => named(doing, () => tune(sys, place, tuning)));
  if (set.length > 1) records.write({ ...own, set: [Object.assign({}, ...set) as LinkTuning] });
  return tuned(result, attachment.ifName, tuning);
}
