import type { Sys } from '@flatnet/sys';
import type { Operator } from '../programs/operator.ts';
import type { Measured } from './metrics.ts';
import { readTraffic } from './traffic.ts';

/** One look at the host, by flatnetctl and the links' own counters. What cannot be read is left out. */
export async function measure(operator: Operator, sys: Sys): Promise<Measured> {
  const [summary, leases, rules] = await Promise.all([
    operator(['ipam', 'show', '--summary', '-o', 'json']),
    operator(['ipam', 'show', '-o', 'json']),
    operator(['rules', 'show', '-o', 'json']),
  ]);
  return {
    addresses: entries<Measured['addresses'][number]>(summary.json),
    attachments: entries<Measured['attachments'][number]>(leases.json),
    rules: entries<Measured['rules'][number]>(rules.json),
    traffic: readTraffic(sys),
  };
}

const entries = <T>(json: unknown): readonly T[] => (Array.isArray(json) ? (json as readonly T[]) : []);
