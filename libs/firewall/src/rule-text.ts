/** A rule in nft's own words, where nft did not print it. What it has no words for stays JSON. */
import { entryOf, listOf, recordOf, textOf } from './json.ts';
import type { Rule } from './ruleset.ts';

export const ruleText = ({ text, statements }: Pick<Rule, 'text' | 'statements'>): string =>
  text ?? statements.map(statementText).filter(Boolean).join(' ');

function statementText(statement: unknown): string {
  const [name = '', body] = entryOf(statement) ?? [];
  const { op, left, right, key, data, target } = recordOf(body);
  if (name === 'match') {
    const operator = op === '==' || op === 'in' ? '' : `${textOf(op)} `;
    return `${valueText(left)} ${operator}${valueText(right)}`;
  }
  if (name === 'vmap') return `${valueText(key)} vmap ${valueText(data)}`;
  if (name === 'counter') return 'counter';
  if (target !== undefined) return `${name} ${textOf(target)}`;
  return body === null || name === 'reject' ? name : JSON.stringify(statement);
}

/** Elements too: `br-a . 10.1.1.2`. */
export function valueText(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  const [name = '', body] = entryOf(value) ?? [];
  const { key, protocol, field, flags, result, addr, len, val, dir } = recordOf(body);
  if (name === 'meta') return textOf(key);
  if (name === 'ct') return ['ct', dir, key].filter(Boolean).join(' ');
  if (name === 'payload' && protocol !== undefined) return `${textOf(protocol)} ${textOf(field)}`;
  if (name === 'fib') return `fib ${listOf(flags).join(' . ')} ${textOf(result)}`;
  if (name === 'prefix') return `${valueText(addr)}/${valueText(len)}`;
  if (name === 'concat') return listOf(body).map(valueText).join(' . ');
  if (name === 'range') return listOf(body).map(valueText).join('-');
  if (name === 'set') return `{ ${[body].flat().map(valueText).join(', ')} }`;
  if (name === 'elem') return valueText(val);
  return JSON.stringify(value);
}
