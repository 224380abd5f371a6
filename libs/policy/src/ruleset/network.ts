/** What a network has in the table. Pure. */
import { match } from '@flatnet/kernel';
import type { Network } from '../model.ts';
import { type Chain, type Element, type Rule, stateOf, type TableState } from './table-state.ts';
import { chainOfNetwork, linksOf, networkHash } from './names.ts';
import { counter, drop, goes, isIn, returns, to } from './words.ts';

/** @param routes packets between siblings take the way over the host, since the bridge does not show them to it. */
export function networkState(network: Network, routes: boolean): TableState {
  const { hash, bridge, ingressPolicy, external, isolatePublished, isListed, allowNetworks } = network;
  const isClosed = ingressPolicy === 'same-bridge' || ingressPolicy === 'isolated';
  const member = (set: string, isMember: boolean): readonly Element[] =>
    isMember ? [{ set, key: bridge, comment: hash }] : [];
  return stateOf({
    chains: [{ name: chainOfNetwork(hash), rules: rulesOf(network) }],
    sets: [linksOf(hash), ...allowNetworks.map((name) => linksOf(networkHash(name)))],
    elements: [
      ...member(linksOf(hash).name, true),
      ...member('bridges', true),
      ...member('closed', isClosed),
      ...member('strict', ingressPolicy === 'strict'),
      ...member('sealed', isolatePublished),
      ...member('published', external === 'published'),
      ...member('routed', routes),
      { set: 'networks', key: bridge, verdict: goes(chainOfNetwork(hash)), comment: hash },
      ...(isListed ? [{ set: 'unlisted', key: bridge, verdict: goes('deny'), comment: hash }] : []),
    ],
  });
}

function rulesOf(network: Network): Chain['rules'] {
  const { bridge, ingressPolicy, allowNetworks } = network;
  const own: Rule = {
    expr: [match(to, bridge), ...(ingressPolicy === 'isolated' ? [counter, drop] : [returns])],
    comment: settingsText(network),
  };
  const denied = (set: string): Rule => ({ expr: [isIn(to, set), counter, drop] });
  return [
    own,
    ...allowNetworks.map((name): Rule => ({ expr: [isIn(to, linksOf(networkHash(name)).name), returns] })),
    ...(ingressPolicy === 'same-bridge' || ingressPolicy === 'isolated' ? [denied('closed')] : []),
    ...(ingressPolicy === 'strict' ? [denied('bridges')] : []),
    denied('strict'),
  ];
}

/** A comment has at most 127 bytes. */
const LONGEST_NAME = 60;

/** All settings stand in the chain, so that one look at it tells whether any has changed. */
const settingsText = ({ name, ingressPolicy, external, isolatePublished, isListed }: Network): string =>
  [
    name.slice(0, LONGEST_NAME),
    ingressPolicy,
    `external-${external}`,
    ...(isolatePublished ? ['isolate-published'] : []),
    ...(isListed ? ['listed'] : []),
  ].join(' ');
