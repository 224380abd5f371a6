import type { RuleKind } from './wanted.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface RuleEntry {
  readonly kind: 'published' | 'limit' | 'names' | 'policy' | 'bridge' | RuleKind;
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly name: string;
  readonly rule: string;
  /**
   * `missing`: recorded, and not in the kernel, or not as it should be. `orphan`: in the kernel, of an attachment that is not there.
   * `unused`: of a network that version 0.1.0 served, and that has no container.
   */
  readonly state: 'ok' | 'missing' | 'orphan' | 'unused';
}
