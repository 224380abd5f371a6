import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpError } from './http-error.ts';
import type { Answer } from './respond.ts';

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** By name, as the path has them, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborted when the client has gone before the answer. */
  readonly gone: AbortSignal;
}

/** Undefined: the handler answers by itself. */
export type Handler = (call: Call) => Promise<Answer | undefined> | Answer | undefined;

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/v1/networks/{name}` */
  readonly path: string;
  readonly handle: Handler;
}

export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** @throws HttpError 400, 404, 405. */
export function matchRoute(routes: readonly Route[], method: string, target: string): Match {
  let url: URL;
  try {
    url = new URL(target, 'http://flatnetd');
  } catch {
    throw new HttpError(400, 'the target of the request is no path', 'GET /openapi.json');
  }
  const found = routes.flatMap((route) => {
    const params = paramsOf(route.path, url.pathname);
    return params === undefined ? [] : [{ route, params, query: url.searchParams }];
  });
  if (found.length === 0)
    throw new HttpError(404, `there is nothing at ${url.pathname.slice(0, 200)}`, 'GET /openapi.json');
  const match = found.find(({ route }) => route.method === method);
  if (match !== undefined) return match;
  const allow = found.map(({ route }) => route.method).join(', ');
  throw new HttpError(405, `${url.pathname} does not know ${method.slice(0, 20)}`, `use ${allow}`, { allow });
}

function paramsOf(pattern: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const text = given[at] ?? '';
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== text) return undefined;
    if (name !== undefined) params[name] = decoded(text);
  }
  return params;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HttpError(400, 'the path has a broken percent-encoding', 'encode names as in RFC 3986');
  }
}
