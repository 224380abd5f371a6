import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunResult } from '@flatnet/exec';
import { BIN, type Json, REFERENCE_BIN, type Sandbox } from '@flatnet/testing';
import { expect } from 'vitest';

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** flatnetd inside a sandbox, asked over its socket, which is at the same path outside. */
export interface Daemon {
  readonly socket: string;
  request(method: string, path: string, body?: unknown, options?: { readonly signal?: AbortSignal }): Promise<Reply>;
  /** Server-sent events as they come, until the daemon ends. */
  readonly events: Json[];
  signal(name: 'TERM' | 'KILL'): Promise<void>;
  /** The program's end. */
  readonly ended: Promise<RunResult>;
}

/** Starts it and waits until it is ready. @param args further options. */
export async function startDaemon(sandbox: Sandbox, netDir: string, args: readonly string[] = []): Promise<Daemon> {
  const socket = join(sandbox.folder, 'flatnetd.sock');
  const pidFile = join(sandbox.folder, 'flatnetd.pid');
  const words = ['--socket', socket, '--net-dir', netDir, '--cni-path', `${BIN}:${REFERENCE_BIN}`, ...args];
  const start = ['-c', 'echo $$ >"$0"; exec "$@"', pidFile, join(BIN, 'flatnetd'), ...words];
  const ended = sandbox.run('sh', start, { timeoutMs: 170_000 });
  const request: Daemon['request'] = (method, path, body, options = {}) =>
    ask(socket, method, path, body === undefined ? undefined : JSON.stringify(body), options.signal);
  for (let tries = 0; ; tries++) {
    const reply = await request('GET', '/readyz').catch(() => undefined);
    if (reply?.status === 200) break;
    if (tries > 600) throw new Error(`flatnetd is not ready: ${(await ended).stderr}`);
    await sleep(50);
  }
  const events: Json[] = [];
  listen(socket, events);
  return {
    ...{ socket, request, events, ended },
    async signal(name) {
      await sandbox.must('sh', ['-c', `kill -${name} "$(cat "$0")"`, pidFile]);
    },
  };
}

export function ask(
  socketPath: string,
  method: string,
  path: string,
  body: string | undefined,
  signal?: AbortSignal,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = httpRequest({ socketPath, method, path, ...(signal === undefined ? {} : { signal }) }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, text, json: parsed(text), headers: response.headers });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

function listen(socketPath: string, events: Json[]): void {
  const call = httpRequest({ socketPath, path: '/events?since=0' }, (response) => {
    let rest = '';
    response.setEncoding('utf8');
    response.on('error', () => undefined);
    response.on('data', (part: string) => {
      const messages = (rest + part).split('\n\n');
      rest = messages.pop() ?? '';
      for (const message of messages) {
        const data = /^data: (.*)$/m.exec(message)?.[1];
        if (data !== undefined) events.push(JSON.parse(data) as Json);
      }
    });
  });
  call.on('error', () => undefined);
  call.end();
}

/** Waits for an event. Answers it. */
export async function expectEvent(daemon: Daemon, kind: string, message: RegExp): Promise<Json> {
  for (let tries = 0; tries < 600; tries++) {
    const found = daemon.events.find((event) => event['kind'] === kind && message.test(String(event['message'])));
    if (found !== undefined) return found;
    await sleep(50);
  }
  expect(daemon.events, `no event ${kind} ${String(message)}`).toEqual([]);
  return {};
}
