import { expect, it } from 'vitest';
import { renderBatch } from '../src/index.ts';

it('writes one command per line', () => {
  expect(
    renderBatch([
      ['link', 'set', 'dev', 'eth0', 'up'],
      ['route', 'append', '::/0', 'via', 'fd00::1'],
    ]),
  ).toBe('link set dev eth0 up\nroute append ::/0 via fd00::1\n');
});

it.each(['a b', 'a\nlink', 'up\n', '', '"x"', "'", '\\', '#x', 'a;b', '$(id)', '`id`', 'é', '*', '{x', '\u0000'])(
  'refuses %j, which a batch would not read as one word',
  (word) => {
    expect(() => renderBatch([['link', 'set', 'dev', word, 'up']])).toThrow('cannot be a word');
  },
);
