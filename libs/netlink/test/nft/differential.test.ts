import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dump } from '../../src/index.ts';
import { commit } from '../../src/nft/batch.ts';
import { listTableRules } from '../../src/nft/rule.ts';
import { type Host, openHost } from '../support/host.ts';
import { MESSAGES, TEXT } from './ruleset.ts';

let ours: Host;
let theirs: Host;
beforeEach(() => {
  ours = openHost();
  theirs = openHost();
  commit(ours.nft, MESSAGES);
  theirs.run('nft', TEXT);
});
afterEach(() => {
  ours.close();
  theirs.close();
});

/** The ruleset as JSON, without what depends on the order in which things were made. */
const ruleset = (host: Host): string => {
  const { nftables } = host.json('nft', '-j', 'list', 'ruleset') as {
    nftables: readonly Record<string, { handle?: number }>[];
  };
  const lines = nftables.map((object) =>
    JSON.stringify(object, (key, value: unknown) => (key === 'handle' ? undefined : value)),
  );
  return lines.sort().join('\n');
};

/** Blocks of a table may come in another order; their lines may not. */
const blocks = (host: Host): readonly string[] =>
  host
    .run('nft', 'list', 'ruleset')
    .split(/\n\n|\{\n(?=\t(?:map|set|chain))/)
    .sort();

describe('a ruleset made by this library and by nft', () => {
  it('reads the same as text and as JSON', () => {
    expect(blocks(ours)).toEqual(blocks(theirs));
    expect(ruleset(ours)).toBe(ruleset(theirs));
  });

  it('has the same expressions when this library reads it', () => {
    const rulesOf = (host: Host) =>
      (['t', 'b'] as const).flatMap((table) =>
        dump(host.nft, listTableRules({ family: table === 't' ? 'inet' : 'bridge', table })).map(
          ({ chain, comment, expressions }) => ({ chain, comment, expressions: expressions.map(withoutId) }),
        ),
      );
    const read = rulesOf(ours);
    expect(read.length).toBe(22);
    expect(read.flatMap(({ expressions }) => expressions).filter(({ kind }) => kind === 'unknown')).toEqual([]);
    expect(withoutRange(read)).toEqual(withoutRange(rulesOf(theirs)));
  });

  it('comes back from nft as it was printed', () => {
    const text = ours.run('nft', 'list', 'ruleset');
    const again = openHost();
    try {
      again.run('nft', text);
      expect(again.run('nft', 'list', 'ruleset')).toBe(text);
    } finally {
      again.close();
    }
  });
});

const withoutId = <T extends object>(expression: T): T => ({ ...expression, set: undefined });
/** nft 1.0.6 says a range of one register by two comparisons. */
const withoutRange = <T extends { readonly expressions: readonly { readonly kind: string }[] }>(
  rules: readonly T[],
): T[] => rules.filter(({ expressions }) => expressions.every(({ kind }) => kind !== 'reject'));
