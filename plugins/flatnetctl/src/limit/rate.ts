/** Rates as people write them. Pure. */
import { readRate } from '@flatnet/shaping/rate';
import { usage } from '../failure.ts';

/**
 * @param option for the error.
 * @returns bits in a second; undefined for no limit. @throws OperatorError (usage).
 */
export function parseRate(option: string, text: string): number | undefined {
  const rate = readRate(text);
  if (rate !== undefined) return rate === 0 ? undefined : rate;
  throw usage(
    `${option} ${JSON.stringify(text)} is no rate`,
    'give bits as 10M or 10Mbit, bytes as 1.25MB, or none for no limit',
  );
}

/** `10 Mbit/s` */
export function showRate(bits: number): string {
  const [factor, prefix] = (
    [
      [1e9, 'G'],
      [1e6, 'M'],
      [1e3, 'k'],
    ] as const
  ).find(([size]) => bits >= size) ?? [1, ''];
  return `${Number((bits / factor).toPrecision(4))} ${prefix}bit/s`;
}
