/** What attachments have now, for people. Changes nothing. */
import { endsOfRecord } from './attachment.ts';
import type { Ends } from './host-end.ts';
import { findIfb } from './ifb.ts';
import { differences } from './inspect.ts';
import type { Owner } from './model.ts';
import { limiterOf } from './queue.ts';
import { limitsOf, type ShapeRecord, type ShapeRecords } from './record.ts';
import type { Route, Wire } from './wire.ts';

/** One direction: its limit, what waits now, and what was dropped since the limit was set. */
export interface LimitState {
  /** Bits in a second. */
  readonly rate: number;
  readonly waitingBytes: number;
  readonly drops: number;
}

export interface AttachmentLimits {
  readonly owner: Owner;
  readonly down?: LimitState;
  readonly up?: LimitState;
  /** `missing`: not all is as it should be; `gone`: the container is. */
  readonly state: 'ok' | 'missing' | 'gone';
  readonly missing: readonly string[];
}

/** The attachments that have a record, of one network or of all. @throws NetlinkError, SysError. */
export const surveyLimits = (wire: Wire, records: ShapeRecords, networkHash?: string): readonly AttachmentLimits[] =>
  records.all(networkHash).map((record) => stateOf(wire, record));

function stateOf(wire: Wire, record: ShapeRecord): AttachmentLimits {
  const { owner, redirection } = record;
  const ends = endsOfRecord(wire, record);
  if (ends === undefined) return { owner, state: 'gone', missing: [] };
  const limits = limitsOf(record);
  const missing = differences(wire, owner, ends, limits, redirection);
  const down = limits.down === undefined ? undefined : limitOn(wire.host, ends.host.index);
  const up = limits.up === undefined ? undefined : upOf(wire, record, ends);
  return {
    owner,
    ...(down === undefined ? {} : { down }),
    ...(up === undefined ? {} : { up }),
    state: missing.length === 0 ? 'ok' : 'missing',
    missing,
  };
}

function upOf(wire: Wire, { owner, redirection }: ShapeRecord, ends: Ends): LimitState | undefined {
  if (redirection === 'container') return wire.inside(ends.netns, (route) => limitOn(route, ends.containerIndex));
  const ifb = findIfb(wire.host, owner);
  return ifb === undefined ? undefined : limitOn(wire.host, ifb.index);
}

function limitOn(route: Route, index: number): LimitState | undefined {
  const limiter = limiterOf(route, index);
  if (limiter?.bucket === undefined) return undefined;
  const { bytes = 0, drops = 0 } = limiter.queue ?? {};
  return { rate: limiter.bucket.rate * 8, waitingBytes: bytes, drops };
}
