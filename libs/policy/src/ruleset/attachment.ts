/** What an attachment has in the table. Pure. */
import type { Attachment, Direction, Network } from '../model.ts';
import { familyOf } from '../model.ts';
import { chainOf, setsOf } from './allowances.ts';
import { anchorOf, linksOf, peerSets, peersOf } from './names.ts';
import { type Element, stateOf, type TableState } from './table-state.ts';
import { goes, pair, returns } from './words.ts';

export function attachmentState(attachment: Attachment, network: Network): TableState {
  const { owner, bridge, addresses, verdicts, peers } = attachment;
  const { networkHash: hash } = owner;
  const closed = (['egress', 'ingress'] as const).filter((direction) => verdicts[direction] !== undefined);
  const chains = new Map(closed.map((direction) => [direction, chainOf(hash, direction, verdicts[direction] ?? [])]));
  const targetOf = (direction: Direction) => {
    const chain = chains.get(direction);
    if (chain !== undefined) return goes(chain.name);
    return direction === 'egress' && network.isListed ? returns : undefined;
  };
  const isAlone = closed.length > 0 || network.isListed || network.judgesSiblings;
  const comment = owner.hash;
  return stateOf({
    chains: [...chains.values()],
    sets: [
      ...closed.flatMap((direction) => setsOf(hash, verdicts[direction] ?? [])),
      ...peers.flatMap((pattern) => peerSets(hash, pattern)),
    ],
    elements: [
      { set: linksOf(hash).name, key: anchorOf(owner.hash), comment },
      ...addresses.flatMap((address): readonly Element[] => {
        const family = familyOf(address);
        return [
          ...(['egress', 'ingress'] as const).flatMap((direction) => {
            const verdict = targetOf(direction);
            return verdict === undefined
              ? []
              : [{ set: `${direction}${family}`, key: pair(bridge, address), verdict, comment }];
          }),
          ...(isAlone ? [{ set: `self${family}`, key: pair(bridge, address, address), comment }] : []),
          ...peers.map((pattern) => ({
            ...{ set: peersOf(hash, pattern, family).name, key: pair(bridge, address), comment },
          })),
        ];
      }),
    ],
  });
}
