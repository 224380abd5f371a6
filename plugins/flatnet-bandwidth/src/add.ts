/** ADD. Invariant: refuse, arm, act, report. A repeated ADD changes what differs, while the container's flows go on. */
import { type AddResult, ownerOf } from '@flatnet/cni';
import { endsOf, isLimited, limit, mayHaveLimits, refuseForeign, type Shaped, unlimit } from '@flatnet/shaping';
import type { Ends, ShapeRecord, ShapeRecords, Wire } from '@flatnet/shaping';
import { type AddRequest, chainedResult, type Rollback } from '@flatnet/skel';
import type { BandwidthConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { named } from './failure.ts';

type Request = AddRequest<BandwidthConfig>;

/** Names of the host's interfaces in a result. */
export const hostInterfacesOf = ({ interfaces }: AddResult): readonly string[] =>
  interfaces.flatMap(({ name, sandbox }) => (sandbox === undefined || sandbox === '' ? [name] : []));

export async function add(deps: Deps, request: Request, rollback: Rollback): Promise<AddResult> {
  const { config, network, attachment, netns } = request;
  const result = chainedResult(request, 'flatnet-bandwidth');
  const [wire, records, owner] = [deps.wire(), deps.records(), ownerOf(network, attachment)];
  const doing = `limit ${attachment.ifName} of container ${attachment.containerId}`;
  if (!isLimited(config.limits)) {
    // An ADD without limits ends those of an earlier one.
    if (named(doing, () => mayHaveLimits(wire, records, owner))) named(doing, () => unlimit(wire, records, owner));
    return result;
  }
  const hostNames = hostInterfacesOf(result);
  const ends = named(doing, () => {
    const found = endsOf(wire, netns, attachment.ifName, hostNames);
    refuseForeign(wire, found, config.limits);
    return found;
  });
  const hostIndex = ends.host.index;
  const record: ShapeRecord = { version: 1, owner, limits: config.limits, named: hostNames, netns, hostIndex };
  armUndo(wire, records, ends, record, rollback);
  const shaped = await request.phase('shape', async () => named(doing, () => limit(wire, records, record, ends)));
  if (shaped.lacks.length > 0) request.note(noteOf(shaped));
  return withIfb(result, shaped);
}

function armUndo(wire: Wire, records: ShapeRecords, ends: Ends, { owner }: ShapeRecord, rollback: Rollback): void {
  const before = records.read(owner);
  rollback.arm('limits', async () => {
    // A repeated ADD that fails leaves what the attachment had.
    if (before?.hostIndex === ends.host.index) limit(wire, records, before, ends);
    else unlimit(wire, records, owner);
  });
}

function noteOf({ lacks, redirection }: Shaped): string {
  const words = `the kernel lacks ${lacks.join(', ')}`;
  if (redirection !== 'container') return words;
  return `${words}: what the container sends is limited in its own namespace, where CAP_NET_ADMIN can end that`;
}

/** The ifb joins the interfaces, as in the reference plugin. */
function withIfb(result: AddResult, { ifb }: Shaped): AddResult {
  if (ifb === undefined || result.interfaces.some(({ name }) => name === ifb.name)) return result;
  const { name, mac } = ifb;
  return { ...result, interfaces: [...result.interfaces, { name, ...(mac === undefined ? {} : { mac }) }] };
}
