/** `GET /openapi.json`: OpenAPI 3.1, whose bodies come from the schemas that decode them. */
import * as z from 'zod/mini';
import { json } from '../respond.ts';
import type { Route } from '../router.ts';
import { attachBody } from './attachments.ts';
import { cniBody } from './cni.ts';

const ABOUT: Readonly<Record<string, string>> = {
  'POST /cni': 'One call of one plugin. 200 has the result, 422 the CNI error.',
  'POST /v1/networks/{name}/attachments':
    'Attach a namespace: the whole chain. 201 has the result; the same again is answered again.',
  'DELETE /v1/networks/{name}/attachments/{id}': 'Detach; what is not attached is fine. ?ifName= when it is not eth0.',
  'POST /v1/networks/{name}/attachments/{id}/check': 'CHECK of the whole chain. 409 when it is not as it was made.',
  'GET /v1/networks': 'The networks of this host.',
  'GET /v1/attachments': 'The containers of all networks.',
  'GET /v1/leases': 'The addresses in use.',
  'GET /v1/ports': 'The published ports, and whether the kernel has them.',
  'GET /events': 'What happens on this host, as server-sent events.',
  'GET /healthz': 'Whether the process answers.',
  'GET /readyz': 'Whether it watches, and has compared everything once.',
  'GET /metrics': 'Metrics in the text format of Prometheus.',
  'GET /openapi.json': 'This document.',
};
const BODIES: Readonly<Record<string, z.ZodMiniType>> = {
  'POST /cni': cniBody,
  'POST /v1/networks/{name}/attachments': attachBody,
};

/** @param routes all others; each has a sentence in the document. */
export function openapiRoute(routes: readonly Route[]): Route {
  const own: Route = { method: 'GET', path: '/openapi.json', handle: () => json(200, document) };
  const document = documentOf([...routes, own]);
  return own;
}

export function documentOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path } of routes) {
    const key = `${method} ${path}`;
    const body = BODIES[key];
    (paths[path] ??= {})[method.toLowerCase()] = {
      summary: ABOUT[key] ?? key,
      parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        ...{ name, in: 'path', required: true, schema: { type: 'string' } },
      })),
      ...(body === undefined
        ? {}
        : { requestBody: { required: true, content: { 'application/json': { schema: z.toJSONSchema(body) } } } }),
      responses: { default: { description: '{"code", "msg", "details"} where it fails, as a CNI error.' } },
    };
  }
  return { openapi: '3.1.0', info: { title: 'flatnetd', version: '0.1.0' }, paths };
}
