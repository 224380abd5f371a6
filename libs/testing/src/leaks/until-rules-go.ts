import type { Fact } from './fact.ts';

/**
 * TEMPORARY: what belongs to a network goes with its last attachment, but some of it does not yet. To be deleted with its one use in
 * may-stay.ts as soon as the last DEL takes the tables, the records' folders and route_localnet away.
 */
export const staysForNow = (fact: Fact): boolean =>
  /^(table|chain|rule|set|map|element of (set|map)) inet flatnet_hostport\b/.test(
    fact.kind === 'nft' ? fact.text : '',
  ) ||
  (fact.kind === 'file' && /^\/run\/flatnet\/hostport\b/.test(fact.name ?? '')) ||
  // A flatnetctl that was killed leaves the lock of its attachment.
  (fact.kind === 'file' && /^\/var\/lib\/cni\/flatnetctl\.[0-9a-f]+\.lock/.test(fact.name ?? '')) ||
  (fact.kind === 'sysctl' && /\/route_localnet$/.test(fact.name ?? ''));
