/** Rates as people write them. Pure. */
const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const RATE = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(bit|bits|b|byte|bytes)?(?:\/s|ps)?$/i;
const LEAST = 8;

/**
 * `10M`, `10Mbit`, `10 Mbit/s` are bits; `10MB`, `10Mbyte` are bytes; `Ki`, `Mi` count by 1024. `none` is no limit.
 *
 * @returns bits in a second; 0 for no limit; undefined for a text that is no rate.
 */
export function readRate(text: string): number | undefined {
  if (['none', '0', 'off', 'unlimited'].includes(text.toLowerCase())) return 0;
  const [, digits = '', prefix = '', binary = '', unit = 'bit'] = RATE.exec(text.trim()) ?? [];
  // Of the short units the case tells: b is a bit, B a byte.
  const isByte = unit === 'B' || unit.toLowerCase().startsWith('byte');
  const power = ['', 'k', 'm', 'g', 't'].indexOf(prefix.toLowerCase());
  const factor = binary === '' ? (FACTORS[prefix.toLowerCase()] ?? 1) : 1024 ** power;
  const bits = Math.round(Number(digits) * factor * (isByte ? 8 : 1));
  const isRate = digits !== '' && (binary === '' || prefix !== '') && Number.isSafeInteger(bits) && bits >= LEAST;
  return isRate ? bits : undefined;
}
