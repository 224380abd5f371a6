/** What a judgement means to people. */
import { describePlace, type Firewalls, type Judgement, type Verdict } from './judge.ts';
import { questionsRemedyFor, remedyFor } from './remedy.ts';

type Blocked = Extract<Verdict, { readonly state: 'blocked' }>;

const sentence = ({ place, packet }: Blocked, bridge: string, commands: readonly string[]): string => {
  const next = commands.length === 0 ? '' : `; allow them, e.g.: ${commands.join('; ')}`;
  return `${describePlace(place)} drops ${packet} of ${bridge}${next}`;
};

/**
 * What stands in the way of connections that containers open, and what to do; undefined unless they are blocked. The commands follow
 * "e.g.: ", with "; " between them, and open published ports too where those are not known to be open.
 */
export function obstacleOf(
  { outgoing, published }: Judgement,
  bridge: string,
  { tables }: Firewalls,
): string | undefined {
  if (outgoing.state !== 'blocked') return undefined;
  const remedy = remedyFor(outgoing.place, bridge, tables);
  return sentence(outgoing, bridge, [...remedy.outgoing, ...(published.state === 'passes' ? [] : remedy.published)]);
}

/** The same of connections to published ports alone. */
export function publishedObstacleOf(
  { published }: Judgement,
  bridge: string,
  { tables }: Firewalls,
): string | undefined {
  if (published.state !== 'blocked') return undefined;
  return sentence(published, bridge, remedyFor(published.place, bridge, tables).published);
}

/** The same of questions to a server of the host's. */
export function questionsObstacleOf(
  verdict: Verdict,
  bridge: string,
  port: number,
  { tables }: Firewalls,
): string | undefined {
  if (verdict.state !== 'blocked') return undefined;
  return sentence(verdict, bridge, questionsRemedyFor(verdict.place, bridge, port, tables));
}

/** Why it is not known whether packets pass; undefined where it is known. */
export function doubtOf(verdict: Verdict): string | undefined {
  if (verdict.state !== 'unknown') return undefined;
  const where = verdict.place === undefined ? '' : ` at ${describePlace(verdict.place)}`;
  return `whether ${verdict.packet} pass is not known${where}: ${verdict.reason}`;
}
