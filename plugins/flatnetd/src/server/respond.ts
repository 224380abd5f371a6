import type { ServerResponse } from 'node:http';
import { HttpError } from './http-error.ts';

/** What a handler answers. */
export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const json = (status: number, value: unknown): Answer => ({
  status,
  body: `${JSON.stringify(value)}\n`,
  type: 'application/json',
});

export const NO_CONTENT: Answer = { status: 204 };

/** `{"code", "msg", "details"}`, as a CNI error (spec, "Error"), where code 999 is a failure that has no code of its own. */
export const failure = (status: number, code: number, msg: string, details: string): Answer =>
  json(status, { code, msg, details });

const GENERIC = 999;

export function answerOfError(error: unknown): Answer {
  if (error instanceof HttpError)
    return { ...failure(error.status, GENERIC, error.message, error.details), headers: error.headers };
  const message = error instanceof Error ? error.message : String(error);
  return failure(500, GENERIC, 'flatnetd failed', message);
}

/** Sends it, unless the client has gone. */
export function send(response: ServerResponse, { status, body = '', type, headers = {} }: Answer): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  });
  response.end(body);
}
