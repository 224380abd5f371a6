/**
 * A tiny server and client for the test's own namespaces, run as `flatnetctl probe …`: the host may have neither nc nor curl. The server
 * answers each connection with one line of JSON, `{token, peer}`: its own name, and the address that it sees.
 */
import { createConnection, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server whose test was killed ends by itself. */
const SERVER_LIFE_MS = 120_000;
const LINE_LIMIT = 4096;

export interface Answer {
  readonly token: string;
  /** The client's address as the server sees it. */
  readonly peer: string;
}

/** Serves until the process is killed. */
export async function serveProbe(port: number, token: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${JSON.stringify({ token, peer: plain(socket.remoteAddress ?? '') })}\n`);
  });
  server.listen(port, '::');
  await sleep(SERVER_LIFE_MS);
  server.close();
}

/** IPv4 clients of an IPv6 socket have mapped addresses. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

/** What the server at this address says; tried again until `timeoutMs` are over. Undefined when none answers. */
export async function askProbe(host: string, port: number, timeoutMs: number): Promise<Answer | undefined> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const line = await askOnce(host, port, Math.max(100, end - Date.now()));
    if (line !== undefined) return parse(line);
    if (Date.now() >= end) return undefined;
    await sleep(50);
  }
}

function askOnce(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = createConnection({ host, port });
    const done = (line: string | undefined): void => {
      socket.destroy();
      resolve(line);
    };
    // A lost SYN is sent again after a second only.
    socket.setTimeout(Math.min(timeoutMs, 2_000), () => done(undefined));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) done(text);
      else if (text.length > LINE_LIMIT) done(undefined);
    });
    socket.on('error', () => done(undefined));
    socket.on('close', () => done(undefined));
  });
}

function parse(line: string): Answer | undefined {
  try {
    const { token, peer } = JSON.parse(line) as Partial<Answer>;
    return typeof token === 'string' && typeof peer === 'string' ? { token, peer } : undefined;
  } catch {
    return undefined;
  }
}
