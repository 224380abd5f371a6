/** rtnetlink of real namespaces, from within this process. */
import { dump, get, NETLINK_ROUTE, openSocket, type Socket } from '@flatnet/netlink';
import { listAddresses } from '@flatnet/netlink/route/address';
import { getLink, listLinks } from '@flatnet/netlink/route/read-link';
import type { Sys } from '@flatnet/sys';
import { wordsOf } from './change.ts';
import { refusalOf, RtnetlinkError } from './error.ts';
import { perform, refOf } from './perform.ts';
import { clearTables, findDeviceTo, findLink, readRoutes, withMaster } from './read.ts';
import type { Rtnetlink } from './rtnetlink.ts';

/**
 * @param sys loads libc at the first call. Sockets stay open until the process ends.
 * @param options.signal after it aborts, nothing is asked or changed any more.
 * @param options.home the namespace that is meant where a call names none, in place of this process's own.
 */
export function openRtnetlink(
  sys: () => Sys,
  { signal, home }: { readonly signal?: AbortSignal | undefined; readonly home?: string } = {},
): Rtnetlink {
  const sockets = new Map<string | undefined, Socket>();
  const socketOf = (netns = home): Socket => {
    const socket = sockets.get(netns) ?? openSocket(sys(), NETLINK_ROUTE, netns === undefined ? {} : { netns });
    sockets.set(netns, socket);
    return socket;
  };
  const ask = <T>(doing: string, netns: string | undefined, work: (socket: Socket) => T): T => {
    if (signal?.aborted === true) throw new RtnetlinkError('aborted', doing, 'the command was cut short', 0);
    try {
      return work(socketOf(netns));
    } catch (error) {
      throw refusalOf(error, doing, 0);
    }
  };
  return {
    change(doing, changes, netns) {
      for (const [at, change] of changes.entries()) {
        if (signal?.aborted === true) throw new RtnetlinkError('aborted', doing, 'the command was cut short', at);
        try {
          perform(sys(), socketOf(netns), change);
        } catch (error) {
          throw refusalOf(error, `${doing} (${wordsOf(change)})`, at);
        }
      }
    },
    findLink: (name, netns) => ask(`look at link ${name}`, netns, (socket) => findLink(socket, name)),
    listLinks: ({ kind, master } = {}, netns) =>
      ask('list links', netns, (socket) => {
        const links = dump(socket, listLinks());
        const names = new Map(links.map(({ index, name }) => [index, name]));
        return links
          .map((link) => withMaster(link, names.get(link.masterIndex ?? 0)))
          .filter(
            (link) => (kind === undefined || link.kind === kind) && (master === undefined || link.master === master),
          );
      }),
    listAddresses: (name, netns) =>
      ask(`list the addresses of ${name}`, netns, (socket) => {
        const { index } = get(socket, getLink(refOf(name)));
        return dump(socket, listAddresses({ index }));
      }),
    listRoutes: (filter, netns) =>
      ask(`list IPv${filter.family} routes`, netns, (socket) => readRoutes(socket, filter)),
    findDeviceTo: (address, options) =>
      ask(`look for the way to ${address}`, undefined, (socket) => findDeviceTo(socket, address, options)),
    clearTables: (tables, netns) =>
      ask(`clear the tables ${tables.join(', ')} in ${netns}`, netns, (socket) => clearTables(socket, tables)),
  };
}
