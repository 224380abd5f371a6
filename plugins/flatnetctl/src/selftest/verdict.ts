/** What one packet comes to, and servers for such packets: `flatnetctl probe listen` and `probe verdict`. */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export type Protocol = 'tcp' | 'udp';

/** A server whose test was killed ends by itself. */
const SERVER_LIFE_MS = 300_000;
const WORD = 'flatnetctl';

/**
 * Answers at all ports until the process is killed.
 *
 * @param addresses all of the namespace that are asked by UDP, where there are several of a family: an answer by another is lost.
 * @param ready a file that is written once all of them are open.
 */
export async function listenAt(
  ports: readonly (readonly [number, Protocol])[],
  addresses: readonly string[],
  ready: string,
): Promise<void> {
  const hosts = addresses.length === 0 ? ['0.0.0.0', '::'] : addresses;
  for (const [port, protocol] of ports) {
    if (protocol === 'tcp') await listenTcp(port);
    else await Promise.all(hosts.map((host) => listenUdp(host, port)));
  }
  writeFileSync(ready, '');
  await sleep(SERVER_LIFE_MS);
  process.exit(0);
}

async function listenTcp(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(WORD);
  });
  server.listen(port, '::');
  await once(server, 'listening');
}

async function listenUdp(host: string, port: number): Promise<void> {
  const isIpv6 = host.includes(':');
  const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', ipv6Only: isIpv6 });
  socket.on('message', (_, { port: to, address }) => socket.send(WORD, to, address));
  socket.bind(port, host);
  await once(socket, 'listening');
}

export interface Asked {
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** The address that it is asked from; absent: by the routes. */
  readonly source?: string;
  readonly timeout: number;
}

export const verdictOf = (asked: Asked): Promise<'passes' | 'refused' | 'dropped'> =>
  asked.protocol === 'tcp' ? askTcp(asked) : askUdp(asked);

function askTcp({ host, port, source, timeout }: Asked): Promise<'passes' | 'refused' | 'dropped'> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, ...(source === undefined ? {} : { localAddress: source }) });
    const end = (verdict: 'passes' | 'refused' | 'dropped'): void => {
      socket.destroy();
      resolve(verdict);
    };
    socket.setTimeout(timeout, () => end('dropped'));
    socket.on('data', () => end('passes'));
    socket.on('close', () => end('refused'));
    socket.on('error', () => end('refused'));
  });
}

/** A lost packet is no verdict, so it is sent again. */
const AGAIN_MS = 400;

async function askUdp({ host, port, source, timeout }: Asked): Promise<'passes' | 'refused' | 'dropped'> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let verdict: 'passes' | 'refused' | undefined;
  socket.on('message', () => (verdict = 'passes'));
  socket.on('error', () => (verdict ??= 'refused'));
  if (source !== undefined) socket.bind(0, source);
  socket.connect(port, host);
  await once(socket, 'connect');
  for (let left = timeout; left > 0 && verdict === undefined; left -= AGAIN_MS) {
    socket.send(WORD);
    for (let part = 0; part < AGAIN_MS && verdict === undefined; part += 20) await sleep(20);
  }
  socket.close();
  return verdict ?? 'dropped';
}
