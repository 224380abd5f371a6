/** The HTTP server on a Unix socket. */
import { chmodSync, chownSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { matchRoute, type Route } from './router.ts';
import { answerOfError, send } from './respond.ts';

export interface ServerOptions {
  readonly socket: string;
  readonly group?: string;
}

const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
const CLOSE_POLL_MS = 20;
const CLOSE_LIMIT_MS = 500;

export interface Listener {
  /** Accepts nothing new, and ends when the calls that are under way have their answers, or when the time is over. */
  close(withinMs: number): Promise<void>;
}

/** Listens; the socket lets in root, or the group too. @throws Error: the socket is in use, or cannot be made. */
export async function listen(routes: readonly Route[], { socket, group }: ServerOptions): Promise<Listener> {
  const owner = group === undefined ? undefined : groupId(group);
  const atWork = new Set<ServerResponse>();
  const server = createServer({ maxHeaderSize: 16_384, requireHostHeader: false }, (request, response) => {
    atWork.add(response);
    response.on('close', () => atWork.delete(response));
    void serve(routes, request, response);
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  mkdirSync(dirname(socket), { recursive: true, mode: 0o755 });
  await removeDead(socket);
  // Between the socket's birth and chmod it must not let others in.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, resolve);
    });
  } finally {
    process.umask(umask);
  }
  if (owner !== undefined) chownSync(socket, 0, owner);
  chmodSync(socket, owner === undefined ? 0o600 : 0o660);
  return { close: (withinMs) => close(server, atWork, withinMs) };
}

/** A client that keeps its connection for a next request would keep the server. */
async function close(server: Server, atWork: ReadonlySet<ServerResponse>, withinMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const end = performance.now() + withinMs; atWork.size > 0 && performance.now() < end;)
    await sleep(CLOSE_POLL_MS);
  server.closeAllConnections();
  await Promise.race([closed, sleep(CLOSE_LIMIT_MS)]);
}

async function serve(routes: readonly Route[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  // Without a listener a client that goes away would end this process.
  response.on('error', () => gone.abort());
  try {
    const { route, params, query } = matchRoute(routes, request.method ?? '', request.url ?? '');
    const answer = await route.handle({ request, response, params, query, gone: gone.signal });
    if (answer !== undefined) send(response, answer);
  } catch (error) {
    send(response, answerOfError(error));
  }
}

/** A socket without a listener is what a killed flatnetd left. @throws Error where one listens. */
async function removeDead(path: string): Promise<void> {
  const isAlive = await new Promise<boolean>((resolve) => {
    const client = connect(path);
    client.once('connect', () => {
      client.destroy();
      resolve(true);
    });
    client.once('error', () => resolve(false));
  });
  if (isAlive) throw new Error(`another flatnetd listens on ${path}: end it, or give --socket PATH`);
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** @throws Error */
function groupId(name: string): number {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const id = line?.split(':')[2];
  if (id === undefined || !/^[0-9]+$/.test(id))
    throw new Error(`there is no group ${name}: run addgroup --system ${name}`);
  return Number(id);
}
