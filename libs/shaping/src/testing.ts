/** The kernel with refusals that a test wants, in place of a kernel that lacks something. */
import { EINVAL, ENOENT, EOPNOTSUPP } from '@flatnet/sys';
import { type Message, NetlinkError } from '@flatnet/netlink';
import { createWriter, written } from '@flatnet/netlink/writer';
import type { Wire } from './wire.ts';

/**
 * Which messages are refused, and with which number of errno(3): undefined lets a message through. `text` is the message as it is sent, in
 * which the names of kinds can be found.
 */
export type Refuse = (name: string, text: string) => number | undefined;

function textOf(message: Message): string {
  const writer = createWriter();
  message.write(writer);
  return new TextDecoder('latin1').decode(written(writer));
}

/** The same wire, but for what `refuse` names. Queries pass. */
export function refusing(wire: Wire, refuse: Refuse): Wire {
  const check = (message: Message, index = 0): void => {
    const errno = refuse(message.name, textOf(message));
    if (errno !== undefined) throw new NetlinkError(message.name, errno, {}, index);
  };
  const over = (route: Wire['host']): Wire['host'] => ({
    ...route,
    request(message) {
      check(message);
      route.request(message);
    },
  });
  return {
    host: over(wire.host),
    nft: {
      ...wire.nft,
      commit(messages, options) {
        messages.forEach(check);
        wire.nft.commit(messages, options);
      },
      attempt(messages) {
        try {
          messages.forEach(check);
          return wire.nft.attempt(messages);
        } catch (error) {
          if (error instanceof NetlinkError) return [error];
          throw error;
        }
      },
    },
    inside: (netns, work) => wire.inside(netns, (route) => work(over(route))),
  };
}

/** A kernel without some parts: each is named by the message that asks for it, a word of that message, and the kernel's answer. */
export type Absent = readonly [name: string, text: string, errno: number];

/** The same wire without the parts. */
export const lacking = (wire: Wire, ...parts: readonly Absent[]): Wire =>
  refusing(wire, (name, text) => parts.find(([message, word]) => name === message && text.includes(word))?.[2]);

/** What kernels answer that were built without a part, or whose module is not there (net/sched/sch_api.c, net/netfilter/nf_tables_api.c). */
export const ABSENT = {
  tbf: ['RTM_NEWQDISC', 'tbf', ENOENT],
  fq_codel: ['RTM_NEWQDISC', 'fq_codel', ENOENT],
  htb: ['RTM_NEWQDISC', 'htb', ENOENT],
  ifb: ['RTM_NEWLINK', 'ifb', EOPNOTSUPP],
  sch_ingress: ['RTM_NEWQDISC', 'ingress', ENOENT],
  cls_u32: ['RTM_NEWTFILTER', 'u32', ENOENT],
  act_mirred: ['RTM_NEWTFILTER', 'mirred', ENOENT],
  nft_fwd_netdev: ['NFT_MSG_NEWRULE', 'fwd', ENOENT],
  nf_tables_netdev: ['NFT_MSG_NEWTABLE', '', EOPNOTSUPP],
} as const satisfies Readonly<Record<string, Absent>>;

/** A kernel with all parts and nothing made: what is sent to it is refused as wrong, which is what its parts do with a question for them. */
export const completeWire = (): Wire => {
  const route: Wire['host'] = {
    request({ name }) {
      throw new NetlinkError(name, EINVAL, {}, 0);
    },
    find: () => undefined,
    dump: () => [],
  };
  const { request, ...questions } = route;
  const nft = { ...questions, commit: (messages: readonly Message[]) => messages.forEach(request), attempt: () => [] };
  return { host: route, nft, inside: (_netns, work) => work(route) };
};
