import { expect, it } from 'vitest';
import { guardRules } from '../../src/nft/index.ts';

const MAC = '02:00:00:00:00:01';

it('lets a port send only what is its own', () => {
  const text = JSON.stringify(guardRules(MAC, ['10.1.0.5', 'fd00::5']));
  for (const part of ['10.1.0.5', 'fd00::5', 'nd-router-advert', 'saddr ether', '0.0.0.0'])
    expect(text).toContain(part);
});

it('without addresses looks at the MAC alone', () => {
  expect(guardRules(MAC, undefined)).toHaveLength(1);
});

it('lets nothing of a family through that the container has no address of', () => {
  const drop = { drop: null };
  const ipv4 = { match: { op: '==', left: { meta: { key: 'protocol' } }, right: 'ip' } };
  expect(guardRules(MAC, ['fd00::5'])).toContainEqual([ipv4, drop]);
});
