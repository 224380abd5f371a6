/** Published ports that hide a program of the host: packets for it go to the container. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { parseIp } from '@flatnet/addressing';
import { readable } from '../conflist/subnets.ts';
import { factsOf } from '../network/describe.ts';
import { attachedNow } from './attached.ts';
import { warning, type Check, type Finding } from './finding.ts';

/** A socket of the host that waits for others. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  /** As /proc prints it; zeros are any address. */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

const LISTENS = { tcp: '0A', udp: '07' } as const;

/** @param text of /proc/net/tcp, tcp6, udp or udp6. */
export const parseListeners = (text: string, protocol: 'tcp' | 'udp'): readonly Listener[] =>
  text
    .split('\n')
    .slice(1)
    .flatMap((line): readonly Listener[] => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const [address = '', port = ''] = local.split(':');
      return state === LISTENS[protocol] ? [{ protocol, address, port: Number.parseInt(port, 16), inode }] : [];
    });

function listenersNow(): readonly Listener[] {
  return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((file) => {
    try {
      return parseListeners(readFileSync(`/proc/net/${file}`, 'utf8'), file.startsWith('tcp') ? 'tcp' : 'udp');
    } catch {
      return [];
    }
  });
}

/** Podman binds what it publishes, so that no other program does; these hide nothing. */
const PLACE_HOLDERS = new Set(['conmon', 'podman', 'rootlessport', 'nerdctl', 'dockerd', 'docker-proxy']);

export const listeners: Check = (_, places) => {
  const published = attachedNow(places).flatMap(({ cached }) => {
    const { name, id, ports } = factsOf(cached);
    return ports.map((port) => ({ ...port, who: name ?? id.slice(0, 12) }));
  });
  if (published.length === 0) return [];
  const found = listenersNow();
  return published.flatMap(({ protocol, hostPort, hostIP, who }): readonly Finding[] => {
    const hidden = found.find(
      (listener) => listener.protocol === protocol && listener.port === hostPort && meet(listener.address, hostIP),
    );
    const program = hidden === undefined ? undefined : programOf(hidden.inode);
    if (hidden === undefined || (program !== undefined && PLACE_HOLDERS.has(program))) return [];
    const reason = `${hostPort}/${protocol} of ${who} hides ${program ?? 'a program'} of the host, which listens there too`;
    return [warning('published port', reason, 'publish another port, or bind it to one address with hostIP')];
  });
};

/** Any address meets all; 127.0.0.1 is any to a publication without an address. */
export function meet(listening: string, hostIP: string | undefined): boolean {
  const ip = hostIP === undefined ? undefined : readable(() => parseIp(hostIP));
  if (ip === undefined || ip.value === 0n || /^0+$/.test(listening)) return true;
  // /proc prints words of 32 bits in the byte order of the machine, which is little-endian on all that flatnet is built for.
  const words = ip.toHex().match(/.{8}/g) ?? [];
  return words.map((word) => (word.match(/../g) ?? []).reverse().join('').toUpperCase()).join('') === listening;
}

/** The name of the program that listens on a port, at an address or at all. */
export function programAt(protocol: Listener['protocol'], port: number, address?: string): string | undefined {
  const found = listenersNow().find(
    (each) => each.protocol === protocol && each.port === port && meet(each.address, address),
  );
  return found === undefined ? undefined : programOf(found.inode);
}

/** The name of the process that has a socket; undefined where that cannot be seen. */
function programOf(inode: string): string | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const holds = readdirSync(`/proc/${pid}/fd`).some(
        (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`,
      );
      if (holds) return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    } catch {
      // It ended, or may not be looked at.
    }
  }
  return undefined;
}
