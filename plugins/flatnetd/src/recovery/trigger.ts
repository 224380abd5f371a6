/**
 * Which notifications mean that something of flatnet's is gone. Pure. A false alarm costs one comparison, so that what the plugins do by
 * themselves is told apart where it is easy: by the name of the process, and by the state that a link ends up with.
 */
import type { Notification } from '@flatnet/netlink';

/** What is known of the bridges, by number. */
export type Bridges = ReadonlyMap<number, string>;

const HOST_END = /^fl[0-9a-f]{12}$/;
/** Names of the executables, as the kernel cuts them at 15 bytes. */
const OWN_PROCESS = /^(?:flatnet.*|bridge|portmap|firewall|bandwidth|tuning|dnsname)$/;

/** @returns a sentence for each loss; empty where there is none. */
export function lossesIn(notifications: readonly Notification[], bridges: Bridges): readonly string[] {
  return [...linkLosses(notifications, bridges), ...rulesetLosses(notifications)];
}

type LinkMessage = Extract<Notification, { kind: 'link' }>;

function linkLosses(notifications: readonly Notification[], bridges: Bridges): readonly string[] {
  const losses = new Set<string>();
  const last = new Map<number, LinkMessage>();
  const left = new Map<number, LinkMessage>();
  for (const each of notifications) {
    if (each.kind === 'link' && each.port) {
      // The bridge tells of a port that leaves it, and again when it is back.
      if (each.change === 'gone') left.set(each.index, each);
      else left.delete(each.index);
    } else if (each.kind === 'link') last.set(each.index, each);
    else if (each.kind === 'address' && each.change === 'gone' && bridges.has(each.index))
      losses.add(`bridge ${bridges.get(each.index)} lost an address`);
    else if (each.kind === 'forwarding' && !each.on) losses.add(`forwarding of IPv${each.family} was switched off`);
  }
  for (const { index, name, change, up } of last.values()) {
    const isBridge = bridges.has(index);
    if (isBridge && change === 'gone') losses.add(`bridge ${bridges.get(index)} was deleted`);
    if (change === 'present' && !up && (isBridge || HOST_END.test(name))) losses.add(`link ${name} was set down`);
  }
  for (const { index, name } of left.values()) {
    // A link that is gone as a whole is a DEL, and takes its port with it.
    if (HOST_END.test(name) && last.get(index)?.change !== 'gone') losses.add(`link ${name} left its bridge`);
  }
  return [...losses];
}

/** The messages of a transaction come before its end, which names the process. */
function rulesetLosses(notifications: readonly Notification[]): readonly string[] {
  const losses = new Set<string>();
  let pending: string[] = [];
  for (const each of notifications) {
    if (each.kind === 'ruleset' && each.change === 'gone' && isOurs(each.table, each.chain))
      pending.push(`table ${each.table}`);
    if (each.kind !== 'generation') continue;
    if (!OWN_PROCESS.test(each.process))
      for (const what of pending) losses.add(`${each.process || 'a program'} removed rules of ${what}`);
    pending = [];
  }
  // The end of the transaction comes with the next poll: better one comparison too many.
  for (const what of pending) losses.add(`rules of ${what} were removed`);
  return [...losses];
}

const isOurs = (table: string, chain = ''): boolean => table.startsWith('flatnet') || chain.startsWith('FLATNET-');
