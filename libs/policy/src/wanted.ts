/** What the records want of the table. Pure, but for the records. */
import type { AttachmentRecord, NetworkRecord, PolicyFolder } from './folder.ts';
import { attachmentState } from './ruleset/attachment.ts';
import { BASE } from './ruleset/base.ts';
import { networkState } from './ruleset/network.ts';
import { together, type TableState } from './ruleset/table-state.ts';

export const stateOfNetwork = ({ network, siblings }: Pick<NetworkRecord, 'network' | 'siblings'>): TableState =>
  networkState(network, siblings.way === 'routed');

export const stateOfAttachment = (
  { attachment }: Pick<AttachmentRecord, 'attachment'>,
  { network }: Pick<NetworkRecord, 'network'>,
): TableState => attachmentState(attachment, network);

/** Networks with their attachments, by the records. */
export interface Scope {
  readonly networks: readonly NetworkRecord[];
  readonly attachments: readonly AttachmentRecord[];
}

export const scopeOf = (folder: PolicyFolder, networkHash?: string): Scope => {
  const networks = networkHash === undefined ? folder.networks() : [folder.network(networkHash) ?? []].flat();
  return { networks, attachments: networks.flatMap(({ network }) => folder.attachments.all(network.hash)) };
};

/** All that a scope has in the table, and the base. */
export function wantedOf({ networks, attachments }: Scope): TableState {
  const byHash = new Map(networks.map((record) => [record.network.hash, record]));
  return together(
    BASE,
    ...networks.map(stateOfNetwork),
    ...attachments.flatMap((record) => {
      const network = byHash.get(record.owner.networkHash);
      return network === undefined ? [] : [stateOfAttachment(record, network)];
    }),
  );
}

/** Whose elements a scope's records are about: hashes of networks and of attachments. */
export const ownersIn = ({ networks, attachments }: Scope): ReadonlySet<string> =>
  new Set([...networks.map(({ network }) => network.hash), ...attachments.map(({ owner }) => owner.hash)]);
