/**
 * Takes what containers hold that died without a teardown: netavark up to 2.0 calls none where the namespace is gone, and nothing calls GC.
 * Their addresses and ports would be refused to those who come now.
 */
import { existsSync } from 'node:fs';
import { type AttachmentOwner, DEFAULT_DATA_DIR, ownerOf } from '@flatnet/cni';
import type { DriverRecord, WantedAttachment } from '@flatnet/driver';
import { hostEndOf, isDeadSoon } from '@flatnet/hostport';
import { type Kernel, RtnetlinkError } from '@flatnet/kernel';
import { ipOfName, type Lease, openStore } from '@flatnet/store';
import { dropIdleBridge } from './bridge.ts';
import { type ChainContext, delChain } from './chain.ts';
import type { Deps } from './deps.ts';
import { SWEEP_MS } from './limits.ts';

/** Removes every dead container of all networks, as far as the time allows. @returns how many were removed. */
export async function sweep(deps: Deps, context: ChainContext, wanted: WantedAttachment): Promise<number> {
  const until = performance.now() + SWEEP_MS;
  const records = deps.records();
  records.removeOtherBoots();
  let removed = 0;
  const links = new Set(
    deps
      .kernel()
      .rtnetlink.listLinks({ kind: 'veth' })
      .map(({ name }) => name),
  );
  for (const record of records.all().filter((each) => isDead(deps.kernel(), each, links))) {
    if (performance.now() > until) return removed;
    const attach = { ...record.attach, netns: '' };
    const failures = await delChain({ ...context, end: until }, record.chain, attach, record.result);
    // What failed is tried again by the next setup.
    if (failures.length > 0) continue;
    records.remove(record.owner);
    dropIdleBridge(deps.kernel(), record.chain.name, record.bridge);
    removed += 1;
  }
  for (const { attachment } of orphans(wanted, records.names(ownerOf(wanted.chain.name, wanted.attach).networkHash))) {
    if (performance.now() > until) return removed;
    const attach = { ...attachment, netns: '', cniArgs: [], capabilityArgs: {} };
    const failures = await delChain({ ...context, end: until }, wanted.chain, attach, undefined);
    if (failures.length === 0) removed += 1;
  }
  return removed;
}

/**
 * A pair dies with the namespace of either end, so both ends are asked for. The namespace alone tells nothing: its path and inode may be the
 * next one's. One setup at a time makes links, and this one has made none yet.
 */
const isDead = (kernel: Pick<Kernel, 'rtnetlink'>, record: DriverRecord, links: ReadonlySet<string>): boolean =>
  links.has(hostEndOf(record.owner)) ? isDeadSoon(record) : !mayHaveInterface(kernel, record);

/** What may not be looked at may be there. */
function mayHaveInterface({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, { netns, attach }: DriverRecord): boolean {
  try {
    return rtnetlink.findLink(attach.ifName, netns) !== undefined;
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    return error.kind !== 'not-found';
  }
}

/** Leases of the network whose container is gone, and of which no record tells. */
function orphans({ chain, network }: WantedAttachment, recorded: readonly string[]): readonly Lease[] {
  if (network.ipam === 'none') return [];
  const { view } = openStore({ network: chain.name, dataDir: DEFAULT_DATA_DIR });
  const leases = view.takenNames().flatMap((name) => {
    const ip = ipOfName(name);
    return (ip === undefined ? undefined : view.holderOf(ip)) ?? [];
  });
  const unique = new Map(leases.map((lease) => [ownerOfLease(chain.name, lease).hash, lease]));
  return [...unique].flatMap(([hash, lease]) => (recorded.includes(hash) || !isGone(hash, lease) ? [] : [lease]));
}

const ownerOfLease = (network: string, { attachment }: Lease): AttachmentOwner => ownerOf(network, attachment);

/** The path alone proves nothing while the link is there: a veth pair dies with the namespace of either end. */
const isGone = (hash: string, { netns = '' }: Lease): boolean =>
  netns !== '' && !existsSync(netns) && !existsSync(`/sys/class/net/fl${hash.slice(0, 12)}`);
