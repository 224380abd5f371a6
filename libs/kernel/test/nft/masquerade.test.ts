import { expect, it } from 'vitest';
import { confirmMasquerade, masqueradeNetwork, removeMasquerade } from '../../src/nft/index.ts';

const NETWORK = { tag: 'abcdef012345', subnets: ['10.87.1.0/24', 'fd00:1::/64'] };

it('confirms with the element that the full form ends with', () => {
  expect(masqueradeNetwork(NETWORK).slice(-1)).toEqual(confirmMasquerade(NETWORK));
});

it('confirms with another element when the content is another', () => {
  const other = { ...NETWORK, subnets: ['10.87.0.0/16'] };
  const fixed = { ...NETWORK, snat4: '192.0.2.1' };
  const texts = [NETWORK, other, fixed].map((each) => JSON.stringify(confirmMasquerade(each)));
  expect(new Set(texts).size).toBe(3);
});

it('translates what leaves the subnets, and nothing that stays or is multicast', () => {
  const rules = masqueradeNetwork(NETWORK).filter((command) => command.add?.['rule'] !== undefined);
  expect(rules).toHaveLength(2);
  expect(JSON.stringify(rules[0])).toContain(
    '"op":"!=","left":{"payload":{"protocol":"ip","field":"daddr"}},"right":{"prefix":{"addr":"224.0.0.0","len":4}}',
  );
  expect(JSON.stringify(rules[1])).toContain('"protocol":"ip6"');
});

it('removes with names that the tag alone gives', () => {
  expect(JSON.stringify(removeMasquerade(NETWORK.tag))).not.toContain('10.87');
});
