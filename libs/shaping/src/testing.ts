/** The kernel with refusals that a test wants, in place of a kernel that lacks something. */
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
    },
    inside: (netns, work) => wire.inside(netns, (route) => work(over(route))),
  };
}
