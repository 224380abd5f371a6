/**
 * The host end of an attachment is its claim: the kernel makes one link of a name, for one of two ADDs that come at once. An ADD asks
 * the delegated plugin only once it holds the claim, so it undoes a lease only where no other ADD of this attachment can have one.
 */
import { CniError, ErrorCode } from '@flatnet/cni';
import { RtnetlinkError, type Kernel, type Link } from '@flatnet/kernel';
import type { AttachmentNames } from './naming.ts';
import type { Plan } from './plan.ts';

/** `unknown`: the kernel did not answer in time, so it has to be asked again. */
export type Created = 'no' | 'yes' | 'unknown';

/** The creation is the first of the changes: if it was refused, nothing was made; if a later one was, the link is this ADD's. */
const CREATE = 0;

/** What the failed changes that begin with the creation have left. */
export function createdBefore(error: unknown): Created {
  if (!(error instanceof RtnetlinkError)) return 'no';
  if (error.failed !== CREATE) return 'yes';
  return error.isUnknown ? 'unknown' : 'no';
}

/**
 * A number that no other ADD gives the link as its group in the creating call: it tells, where the answer did not come, which ADD made
 * the link. The group is set back with the link's `up`.
 */
export const claimNumber = (): number => Number(process.hrtime.bigint() & 0x3fff_ffffn) + 1;

/** Whether the link exists and was created by the ADD with this number. @throws RtnetlinkError. */
export const isCreatedBy = (kernel: Kernel, hostVeth: string, number: number): boolean =>
  kernel.rtnetlink.findLink(hostVeth)?.group === number;

/**
 * Whether a link under the host end's name is this attachment's: by its alternative name or its alias. A link that has no alias yet
 * (its ADD was killed between two commands) shows it by its MAC, which the kernel set when it created the link.
 */
export function belongsTo(names: AttachmentNames, link: Link): boolean {
  if (link.kind !== 'veth') return false;
  if (link.altNames.includes(names.alternative)) return true;
  return link.alias === undefined ? link.mac === names.hostMac : link.alias === names.alias;
}

/** Why ADD cannot create the host end: its name is in use. Nothing of what is there may be undone, its lease included. */
export function nameInUse(kernel: Kernel, plan: Plan): CniError {
  const { ifName, network, hostVeth } = plan;
  const link = kernel.rtnetlink.findLink(hostVeth);
  if (link !== undefined && !belongsTo(plan, link)) {
    const whose =
      link.alias === undefined ? `a link of kind ${link.kind ?? 'none'}` : `alias ${JSON.stringify(link.alias)}`;
    return new CniError(
      ErrorCode.conflict,
      `link ${hostVeth} exists and is foreign`,
      `it is ${whose}; the host end of ${ifName} on network ${network} needs that name: rename or delete the link`,
    );
  }
  return new CniError(
    ErrorCode.conflict,
    `interface ${ifName} of this container is attached to network ${network} already`,
    `its host end ${hostVeth} exists and was left as it is; DEL it first`,
  );
}
