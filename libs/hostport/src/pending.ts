/**
 * One container on several networks. A runtime sends the same port mappings with each of its attachments (Podman 4.3.1), and a port
 * has one owner: the attachment that came first has it, and the later ones wait for it.
 *
 * Story: ADD A publishes 8080. ADD B wants it too; its record says that it waits. DEL A gives 8080 back, finds B, and publishes it for
 * B. With a rule per network, as others do it, the first rule wins and the next takes over when that one is deleted: a client sees the
 * same, without the second rule.
 */
import type { ApplyOptions, Nft } from '@flatnet/kernel';
import { PortInUse } from './conflict.ts';
import { giveBack } from './give-back.ts';
import { heal } from './heal.ts';
import { listenKey, mergePorts, type Owner, portsOf, type Publication } from './model.ts';
import { type Published, publish } from './publish.ts';
import { isDead } from './life.ts';
import type { PublishRecord } from './record-file.ts';
import type { Records } from './records.ts';

/**
 * Publishes what `wanted` says, and waits for what another attachment of the same container publishes.
 *
 * @throws PortInUse when another container has one of the ports; ToolError.
 */
export const publishOrWait = async (
  nft: Nft,
  records: Records,
  wanted: PublishRecord,
  options: ApplyOptions = {},
): Promise<Published> => {
  try {
    const published = await publish(nft, records, wanted, options);
    if (published.isBaseBuilt) await heal(nft, records, wanted.owner, options);
    return published;
  } catch (error) {
    if (!(error instanceof PortInUse) || error.holder.owner.containerId !== wanted.owner.containerId) throw error;
    const theirs = keysOf(error.holder.publications);
    const held = mergePorts(portsOf(wanted.publications).filter((port) => theirs.has(listenKey(port))));
    // The same port in another spelling (one address against all): neither contains the other.
    if (held.length === 0) throw error;
    const publications = mergePorts(portsOf(wanted.publications).filter((port) => !theirs.has(listenKey(port))));
    const waiting = [...(wanted.waiting ?? []), ...held];
    return publishOrWait(nft, records, { ...wanted, publications, waiting }, options);
  }
};

const keysOf = (publications: readonly Publication[]): ReadonlySet<string> =>
  new Set(portsOf(publications).map(listenKey));

/**
 * Publishes for other attachments of the container of `gone` what they waited for and it had. `had` is undefined where its record is
 * lost: a DEL was killed before it handed over, or while it did, and then all that any attachment waits for is tried. A dead one gets
 * nothing.
 *
 * Never throws: `gone` is withdrawn by now, and a DEL that fails keeps the runtime from undoing the rest of the chain. A successor that
 * cannot have its ports goes on waiting (after a flush another container was faster), or, where nft failed, has a record that says more
 * than there is: CHECK names what is missing.
 *
 * @returns what failed, in words.
 */
export const promotePending = async (
  nft: Nft,
  records: Records,
  gone: Owner,
  had: readonly Publication[] | undefined,
  options: ApplyOptions = {},
): Promise<readonly string[]> => {
  const free = keysOf(had ?? []);
  const failures: string[] = [];
  for (const successor of records.waitingOf(gone.containerId)) {
    if (successor.owner.hash === gone.hash || isDead(successor)) continue;
    const { waiting = [], ...rest } = successor;
    if (had !== undefined && !portsOf(waiting).some((port) => free.has(listenKey(port)))) continue;
    try {
      await publishOrWait(nft, records, { ...rest, publications: [...successor.publications, ...waiting] }, options);
      // Its own DEL has begun meanwhile, and may have ended before it could see what was published.
      if (!records.hints.isWaiting(successor.owner)) await giveBack(nft, records, successor.owner, options);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failures.push(`ports not handed over to network ${successor.owner.network}: ${why}`);
    }
  }
  return failures;
};
