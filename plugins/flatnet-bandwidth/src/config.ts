import { type Explain, misfit, readShape, type Verb } from '@flatnet/cni';
import type { Limits } from '@flatnet/shaping';
import { configShape } from './config-shape.ts';
import { limitsOf } from './limits.ts';
import type { Raw } from './schema.ts';

/** The plugin configuration, decoded; README.md tells what each key means. */
export interface BandwidthConfig {
  readonly limits: Limits;
}

/** Decodes the configuration. DEL and GC need none of it. @throws CniError code 7. */
export function decodeConfig(
  json: Readonly<Record<string, unknown>>,
  verb: Verb,
  explain: Explain<Raw> = misfit,
): BandwidthConfig {
  if (verb === 'DEL' || verb === 'GC') return { limits: {} };
  return { limits: limitsOf(readShape<Raw>(configShape, json) ?? explain(json)) };
}
