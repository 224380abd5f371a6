/** What is there: the tables of flatnetctl, in its own JSON. */
import type { Operator, OperatorAnswer } from '../../programs/operator.ts';
import { type Answer, failure, json } from '../respond.ts';
import type { Route } from '../router.ts';

type Json = Readonly<Record<string, unknown>>;

export const listRoutes = (operator: Operator): readonly Route[] => [
  { method: 'GET', path: '/v1/networks', handle: () => list(operator, ['network', 'ls', '-o', 'json']) },
  { method: 'GET', path: '/v1/leases', handle: () => list(operator, ['ipam', 'show', '-o', 'json']) },
  { method: 'GET', path: '/v1/attachments', handle: () => attachments(operator) },
  {
    method: 'GET',
    path: '/v1/ports',
    handle: () =>
      list(operator, ['rules', 'show', '-o', 'json'], (rules) => rules.filter(({ kind }) => kind === 'published')),
  },
];

async function list(
  operator: Operator,
  args: readonly string[],
  choose: (entries: readonly Json[]) => readonly Json[] = (entries) => entries,
): Promise<Answer> {
  const answer = await operator(args);
  // Exit code 1 tells of a finding, and the list is there all the same.
  return Array.isArray(answer.json) ? json(200, choose(answer.json as readonly Json[])) : refusal(answer);
}

/** Of every network, with the network's name. */
async function attachments(operator: Operator): Promise<Answer> {
  const networks = await operator(['network', 'ls', '-o', 'json']);
  if (!Array.isArray(networks.json)) return refusal(networks);
  const names = (networks.json as readonly Json[]).map(({ name }) => String(name));
  if (names.length === 0) return json(200, []);
  const inspected = await operator(['network', 'inspect', ...names]);
  if (!Array.isArray(inspected.json)) return refusal(inspected);
  const found = (inspected.json as readonly Json[]).flatMap(({ name, containers }) =>
    Object.values((containers ?? {}) as Record<string, Json>).map((container) => ({ network: name, ...container })),
  );
  return json(200, found);
}

function refusal(answer: OperatorAnswer): Answer {
  if (answer.ok) return failure(500, 999, 'flatnetctl printed no list', 'flatnetctl doctor');
  return failure(500, 999, answer.problem.message, answer.problem.next);
}
