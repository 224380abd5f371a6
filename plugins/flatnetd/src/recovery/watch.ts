/** Watches the kernel by polling two sockets: a look that finds nothing costs some microseconds. */
import {
  closeSocket,
  dump,
  monitorNftables,
  monitorRoute,
  NETLINK_ROUTE,
  openSocket,
  type Monitor,
} from '@flatnet/netlink';
import { listLinks } from '@flatnet/netlink/route/read-link';
import type { Sys } from '@flatnet/sys';
import type { Bridges } from './trigger.ts';
import { lossesIn } from './trigger.ts';

export class Watch {
  readonly #monitors: readonly Monitor[];
  #bridges: Bridges = new Map();

  /** @throws SysError. */
  constructor(private readonly sys: Sys) {
    this.#monitors = [monitorRoute(sys), monitorNftables(sys)];
    this.look();
  }

  /** Finds out which bridges have containers. */
  look(): void {
    const socket = openSocket(this.sys, NETLINK_ROUTE);
    try {
      const links = dump(socket, listLinks());
      const masters = new Set(links.flatMap(({ name, masterIndex }) => (isHostEnd(name) ? [masterIndex ?? 0] : [])));
      const bridges = links.filter(({ index }) => masters.has(index));
      const prefixes = bridges.map(({ name }) => `${name}.`);
      // The gateway of a network with a VLAN is a device on top of the bridge, named after it.
      const gateways = links.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
      this.#bridges = new Map([...bridges, ...gateways].map(({ index, name }) => [index, name]));
    } finally {
      closeSocket(socket);
    }
  }

  /** @returns what was lost since the last time, in sentences. */
  poll(): readonly string[] {
    const read = this.#monitors.map((monitor) => monitor.poll());
    if (read.some((notifications) => notifications === undefined)) {
      this.look();
      return ['messages of the kernel were lost'];
    }
    const notifications = read.flatMap((each) => each ?? []);
    if (notifications.length === 0) return [];
    const losses = lossesIn(notifications, this.#bridges);
    // A port that joined a bridge: the bridge is watched from now on.
    if (notifications.some((each) => each.kind === 'link' && isHostEnd(each.name))) this.look();
    return losses;
  }

  close(): void {
    for (const monitor of this.#monitors) monitor.close();
  }
}

const isHostEnd = (name: string): boolean => /^fl[0-9a-f]{12}$/.test(name);
