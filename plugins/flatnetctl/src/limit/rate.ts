/** Rates as people write them. Pure. */
import { usage } from '../failure.ts';

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const RATE = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(bit|bits|b|byte|bytes)?(?:\/s|ps)?$/i;
const LEAST = 8;

/**
 * `10M`, `10Mbit`, `10 Mbit/s` are bits; `10MB`, `10Mbyte` are bytes; `Ki`, `Mi` count by 1024. `none` is no limit.
 *
 * @param option for the error.
 * @returns bits in a second; undefined for no limit. @throws OperatorError (usage).
 */
export function parseRate(option: string, text: string): number | undefined {
  if (['none', '0', 'off', 'unlimited'].includes(text.toLowerCase())) return undefined;
  const [, digits = '', prefix = '', binary = '', unit = 'bit'] = RATE.exec(text.trim()) ?? [];
  // Of the short units the case tells: b is a bit, B a byte.
  const isByte = unit === 'B' || unit.toLowerCase().startsWith('byte');
  const power = ['', 'k', 'm', 'g', 't'].indexOf(prefix.toLowerCase());
  const factor = binary === '' ? (FACTORS[prefix.toLowerCase()] ?? 1) : 1024 ** power;
  const bits = Math.round(Number(digits) * factor * (isByte ? 8 : 1));
  if (digits === '' || (binary !== '' && prefix === '') || !Number.isSafeInteger(bits) || bits < LEAST) {
    throw usage(
      `${option} ${JSON.stringify(text)} is no rate`,
      'give bits as 10M or 10Mbit, bytes as 1.25MB, or none for no limit',
    );
  }
  return bits;
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
