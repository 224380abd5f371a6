import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { get } from '../../../src/index.ts';
import { commit } from '../../../src/nft/batch.ts';
import { compileCommands } from '../../../src/nft/json/compile.ts';
import type { Json } from '../../../src/nft/json/json.ts';
import { elementTypes } from '../../../src/nft/json/elements.ts';
import { printChain, printSet, printTable } from '../../../src/nft/json/print.ts';
import { getSet } from '../../../src/nft/set.ts';
import { type Host, openHost } from '../../support/host.ts';
import { COMMANDS, MAPS, MAPS_AS_TEXT } from './commands.ts';

let ours: Host;
let theirs: Host;
const apply = (host: Host, commands: readonly Json[]): void => {
  const { messages } = compileCommands(commands, (set) => elementTypes(get(host.nft, getSet(set))));
  commit(host.nft, messages);
};
beforeEach(() => {
  ours = openHost();
  theirs = openHost();
  apply(ours, MAPS);
  theirs.run('nft', MAPS_AS_TEXT);
});
afterEach(() => {
  ours.close();
  theirs.close();
});

const byNft = (host: Host, commands: readonly Json[]): string =>
  host.run('nft', '-j', JSON.stringify({ nftables: commands }));
const blocks = (host: Host): readonly string[] =>
  host
    .run('nft', 'list', 'ruleset')
    .split(/\n\n|\{\n(?=\t(?:map|set|chain))/)
    .sort();

/** Objects in the order of their texts; members of sets, too: nft lists a hash in the order of its places. */
const texts = (objects: readonly unknown[]): readonly string[] =>
  objects
    .filter((object) => typeof object !== 'object' || object === null || !('metainfo' in object))
    .map((object) => JSON.stringify(plain(object)))
    .sort();
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'handle' && key !== 'uses');
  return Object.fromEntries(
    entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([key, inner]) =>
          [
            key,
            // nft 1.0.6 prints the fields of data as one text.
            key === 'map' && typeof inner === 'string' && inner.includes(' . ') ? inner.split(' . ') : inner,
          ] as const,
      )
      .map(([key, inner]) => [
        key,
        (key === 'elem' || key === 'set') && Array.isArray(inner) ? texts(inner) : plain(inner),
      ]),
  );
};
const listed = (host: Host, ...what: readonly string[]): readonly object[] =>
  (host.json('nft', '-j', 'list', ...what) as { nftables: readonly object[] }).nftables;

describe("nft's JSON language", () => {
  it('makes the same ruleset as nft', () => {
    apply(ours, COMMANDS);
    byNft(theirs, COMMANDS);
    expect(blocks(ours)).toEqual(blocks(theirs));
  });

  it('is printed as nft prints it', () => {
    byNft(theirs, COMMANDS);
    for (const rule of [
      'oifname "fl-*" reject',
      'iifname != "e*" drop',
      'ip protocol tcp reject with tcp reset',
      'oifname { "fl-*", "up0" } drop',
    ])
      theirs.run('nft', 'add', 'rule', 'inet', 't', 'forward', rule);
    for (const [family, table] of [
      ['inet', 't'],
      ['bridge', 'b'],
    ] as const) {
      const printed = printTable(theirs.nft, { family, table });
      expect(texts(printed ?? [])).toEqual(texts(listed(theirs, 'table', family, table)));
    }
    const chain = printChain(theirs.nft, { family: 'inet', table: 't', chain: 'forward' });
    expect(texts(chain ?? [])).toEqual(texts(listed(theirs, 'chain', 'inet', 't', 'forward')));
    const set = printSet(theirs.nft, { family: 'inet', table: 't', set: 'hairpin' });
    expect(texts(set ?? [])).toEqual(texts(listed(theirs, 'map', 'inet', 't', 'hairpin')));
  });

  it('is printed as it was made', () => {
    apply(ours, COMMANDS);
    for (const [family, table] of [
      ['inet', 't'],
      ['bridge', 'b'],
    ] as const) {
      expect(texts(printTable(ours.nft, { family, table }) ?? [])).toEqual(texts(listed(ours, 'table', family, table)));
    }
  });
});
