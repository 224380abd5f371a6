export {
  collect,
  endsOfRecord,
  limit,
  mayHaveLimits,
  reload,
  type Reloaded,
  unlimit,
  unlimitAll,
} from './attachment.ts';
export { bucketOf } from './bucket.ts';
export { isKernelRefusal, reasonOf, ShapingError, type ShapingProblem } from './error.ts';
export { type Ends, endsOf } from './host-end.ts';
export { differences } from './inspect.ts';
export * from './model.ts';
export { loading, type Part, PARTS } from './parts.ts';
export { missingParts } from './probe.ts';
export { DEFAULT_STATE_DIR, limitsOf, openRecords, type ShapeRecord, type ShapeRecords } from './record.ts';
export { refuseForeign, type Shaped } from './shape.ts';
export { openHostWire, openWire, type Route, type Wire } from './wire.ts';
export { type AttachmentLimits, type LimitState, surveyLimits } from './survey.ts';
