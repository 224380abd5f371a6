/** Attachments of networks: the whole chain, as `flatnetctl attach`, `detach` and `check` run it. */
import { isIdentifier, isInterfaceName } from '@flatnet/cni';
import * as z from 'zod/mini';
import type { Operator, OperatorAnswer } from '../../programs/operator.ts';
import type { Admission } from '../admission.ts';
import { readJson } from '../body.ts';
import { decodeBody } from '../decode.ts';
import { HttpError } from '../http-error.ts';
import { type Answer, failure, json, NO_CONTENT } from '../respond.ts';
import type { Call, Route } from '../router.ts';

const port = z.int().check(z.minimum(1), z.maximum(65_535));
const words = (pattern: RegExp, what: string) => z.string().check(z.regex(pattern, what));
const address = words(/^[0-9a-fA-F.:]+(?:\/[0-9]{1,3})?$/, 'give an IP address');

export const attachBody = z.object({
  containerId: z.string().check(z.refine(isIdentifier, 'give letters, digits, "_", "." and "-"')),
  ifName: z.optional(z.string().check(z.refine(isInterfaceName, 'give the name of an interface'))),
  /** An absolute path, or the number of a process. */
  netns: words(/^(?:\/.*|[1-9][0-9]*)$/, 'give an absolute path or a process number'),
  name: z.optional(words(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, 'give letters, digits, "_", "." and "-"')),
  mac: z.optional(words(/^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/, 'give a MAC address')),
  ips: z.optional(z.array(address)),
  portMappings: z.optional(
    z.array(
      z.object({
        hostPort: port,
        containerPort: port,
        protocol: z.optional(z.enum(['tcp', 'udp', 'sctp'])),
        hostIP: z.optional(words(/^[0-9a-fA-F.:]*$/, 'give an IP address')),
      }),
    ),
  ),
});

type Wish = z.infer<typeof attachBody>;
const DEFAULT_INTERFACE = 'eth0';
const GENERIC = 999;

export const attachmentRoutes = (operator: Operator, admission: Admission): readonly Route[] => [
  { method: 'POST', path: '/v1/networks/{name}/attachments', handle: (call) => attach(operator, admission, call) },
  {
    method: 'DELETE',
    path: '/v1/networks/{name}/attachments/{id}',
    handle: (call) => detach(operator, admission, call),
  },
  {
    method: 'POST',
    path: '/v1/networks/{name}/attachments/{id}/check',
    handle: (call) => check(operator, admission, call),
  },
];

async function attach(operator: Operator, admission: Admission, call: Call): Promise<Answer> {
  const network = networkOf(call);
  const wish = decodeBody(attachBody, await readJson(call.request));
  return admission.run(async () => {
    if (call.gone.aborted) return NO_CONTENT;
    const answer = await operator(['attach', network, '--reuse', '-o', 'json', ...argumentsOf(wish)]);
    // The client never learned of it, and would never detach.
    if (call.gone.aborted && answer.ok) await operator(['detach', network, '--exact', ...identity(wish)]);
    return answer.ok ? json(201, answer.json) : refusal(answer);
  });
}

async function detach(operator: Operator, admission: Admission, call: Call): Promise<Answer> {
  const network = networkOf(call);
  const args = ['detach', network, '--exact', ...identityOf(call)];
  return admission.run(async () => {
    const answer = await operator(args);
    // Again, or after another client's: what is wanted is so.
    return answer.ok || / is not attached to /.test(answer.problem.message) ? NO_CONTENT : refusal(answer);
  });
}

async function check(operator: Operator, admission: Admission, call: Call): Promise<Answer> {
  const args = ['check', networkOf(call), '--exact', '-o', 'json', ...identityOf(call)];
  return admission.run(async () => {
    const answer = await operator(args);
    if (answer.ok) return json(200, answer.json);
    return answer.json === undefined ? refusal(answer) : json(409, answer.json);
  });
}

function networkOf({ params: { name = '' } }: Call): string {
  if (isIdentifier(name)) return name;
  throw new HttpError(400, 'that is not a network name', 'GET /v1/networks');
}

function identityOf({ params: { id = '' }, query }: Call): readonly string[] {
  const ifName = query.get('ifName') ?? DEFAULT_INTERFACE;
  if (!isIdentifier(id)) throw new HttpError(400, 'that is not a container id', 'GET /v1/attachments');
  if (!isInterfaceName(ifName))
    throw new HttpError(400, 'ifName is not the name of an interface', 'give one like eth0');
  return identity({ containerId: id, ifName });
}

const identity = ({
  containerId,
  ifName = DEFAULT_INTERFACE,
}: Pick<Wish, 'containerId' | 'ifName'>): readonly string[] => [`--id=${containerId}`, `--ifname=${ifName}`];

function argumentsOf(wish: Wish): readonly string[] {
  const { netns, name, mac, ips = [], portMappings = [] } = wish;
  return [
    ...identity(wish),
    `--netns=${netns}`,
    ...(name === undefined ? [] : [`--name=${name}`]),
    ...(mac === undefined ? [] : [`--mac=${mac}`]),
    ...ips.map((ip) => `--ip=${ip}`),
    ...portMappings.map(({ hostIP = '', hostPort, containerPort, protocol = 'tcp' }) => {
      const host = hostIP === '' ? '' : `${hostIP.includes(':') ? `[${hostIP}]` : hostIP}:`;
      return `--publish=${host}${hostPort}:${containerPort}/${protocol}`;
    }),
  ];
}

/** flatnetctl's exit codes: 1 problem, 2 usage, 3 environment. */
function refusal(answer: Extract<OperatorAnswer, { ok: false }>): Answer {
  const { message, next, exitCode } = answer.problem;
  if (exitCode === 2) return failure(400, GENERIC, message, next);
  if (/^no network named /.test(message)) return failure(404, GENERIC, message, next);
  if (/ is attached to .* already$/.test(message)) return failure(409, GENERIC, message, next);
  return failure(exitCode === 3 ? 500 : 422, GENERIC, message, next);
}
