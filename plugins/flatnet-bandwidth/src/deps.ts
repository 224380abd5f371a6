import { openHostWire, openRecords, type ShapeRecords, type Wire } from '@flatnet/shaping';

/** What the verbs touch. Tests hand in a kernel that refuses, and a temporary directory. */
export interface Deps {
  readonly wire: () => Wire;
  readonly records: () => ShapeRecords;
}

const wire = openHostWire();

export const realDeps: Deps = { wire: () => wire, records: () => openRecords() };
