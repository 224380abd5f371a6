/** What chains of the policies' table stand for, in the words of the configuration. */
import type { World as Policies } from '@flatnet/policy';
import { networkWords } from '../words.ts';
import type { End } from './end.ts';

/** Chains of allowances are named for the direction and the network, chains of networks for the network. */
const CHAIN = /^([ein])_([0-9a-f]{12})/;

/** @returns words for a chain that a packet between two ends goes through; empty where its name says it. */
export function meaningsOf({ folder }: Pick<Policies, 'folder'>) {
  const networks = folder.exists() ? folder.networks() : [];
  return (chain: string, from: End, to: End): string => {
    const [, kind, hash] = CHAIN.exec(chain) ?? [];
    if (kind === undefined) return WORDS[chain] ?? '';
    if (kind === 'n') {
      const network = networks.find(({ network: { hash: own } }) => own === hash)?.network;
      return network === undefined ? '' : `network ${network.name}: ${networkWords(network) || 'open'}`;
    }
    const end = kind === 'e' ? from : to;
    const record = end.kind === 'container' ? end.record : undefined;
    if (record === undefined) return '';
    const name = record.attachment.names[0] ?? record.owner.containerId.slice(0, 12);
    return `${kind === 'e' ? 'egress' : 'ingress'} of ${name}: ${record.selected.join(', ')}`;
  };
}

const WORDS: Readonly<Record<string, string>> = {
  admin: "the operator's chain",
  outside: 'external: published',
  deny: 'told at once',
};
