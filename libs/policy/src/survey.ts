/** What networks and attachments have now, for people. Changes nothing. */
import type { AttachmentRecord, NetworkRecord } from './folder.ts';
import { lostPassage } from './foreign/index.ts';
import { readTable } from './kernel-table.ts';
import { tableDifferences } from './rebuild.ts';
import { chainOf } from './ruleset/allowances.ts';
import { chainOfNetwork } from './ruleset/names.ts';
import { NOTHING, type TableState } from './ruleset/table-state.ts';
import { siblingDifferences } from './siblings.ts';
import { scopeOf } from './wanted.ts';
import type { Direction } from './model.ts';
import type { World } from './world.ts';

export interface AttachmentSurvey {
  readonly record: AttachmentRecord;
  /** What is not as it should be, in words; of its network, too. */
  readonly missing: readonly string[];
  /** Packets that were refused since the rules were made, of all containers for which the same holds. */
  readonly refused: { readonly [D in Direction]?: number };
}

export interface NetworkSurvey {
  readonly record: NetworkRecord;
  readonly attachments: readonly AttachmentSurvey[];
  /** Packets to networks that are kept apart from it. */
  readonly refused: number;
}

/** The networks that have a record, one or all. @throws ToolError, RtnetlinkError. */
export async function survey(world: World, networkHash?: string): Promise<readonly NetworkSurvey[]> {
  const { networks, attachments } = scopeOf(world.folder, networkHash);
  if (networks.length === 0) return [];
  const present = (await readTable(world.kernel)) ?? NOTHING;
  const passages = await Promise.all(networks.map((record) => lostPassage(world.kernel, record)));
  return networks.map((record, index) => ({
    record,
    refused: refusedIn(present, chainOfNetwork(record.network.hash)),
    attachments: attachments
      .filter(({ owner }) => owner.networkHash === record.network.hash)
      .map((each) => ({
        record: each,
        refused: refusedOf(present, each),
        missing: [
          ...tableDifferences(present, { networks: [record], attachments: [each] }),
          ...siblingDifferences(world.kernel, each, record.siblings.way),
          ...(passages[index] ?? []),
        ],
      })),
  }));
}

function refusedOf(present: TableState, { attachment, owner }: AttachmentRecord): AttachmentSurvey['refused'] {
  const directions = (['ingress', 'egress'] as const).flatMap((direction) => {
    const allowances = attachment.verdicts[direction];
    if (allowances === undefined) return [];
    return [[direction, refusedIn(present, chainOf(owner.networkHash, direction, allowances).name)] as const];
  });
  return Object.fromEntries(directions);
}

const refusedIn = ({ chains }: TableState, name: string): number =>
  (chains.get(name)?.rules ?? [])
    .flatMap(({ expr }) => expr)
    .reduce<number>((sum, statement) => sum + packetsOf(statement), 0);

const packetsOf = (statement: unknown): number =>
  (statement as { counter?: { packets?: number } | null } | null)?.counter?.packets ?? 0;
