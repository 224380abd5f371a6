/**
 * What the kernel cannot tell: the names of an attachment, and the limits that it asked for. A record is a hint for `reload`, CHECK and
 * lists. What is to be removed is found by names in the kernel alone.
 */
import { RecordFolder, type RecordOf } from '@flatnet/kernel/state';
import type { Limits, Owner, Redirection } from './model.ts';

export const DEFAULT_STATE_DIR = '/run/flatnet/shaping';

export interface ShapeRecord extends RecordOf<Owner> {
  /** What ADD asked for. */
  readonly limits: Limits;
  /** What the operator has set since, in its place until the next ADD. */
  readonly override?: Limits;
  /** Names of the host's interfaces in the result of the plugins before, and CNI_NETNS. */
  readonly named: readonly string[];
  readonly netns: string;
  /** Of the host's end, which is never used again: names and paths of namespaces, and even their inodes, are. */
  readonly hostIndex: number;
  readonly redirection?: Redirection;
}

/** The limits that hold. */
export const limitsOf = ({ limits, override }: ShapeRecord): Limits => override ?? limits;

export type ShapeRecords = RecordFolder<ShapeRecord>;

/** @param stateDir where the records are. */
export const openRecords = (stateDir = DEFAULT_STATE_DIR): ShapeRecords => new RecordFolder<ShapeRecord>(stateDir);
