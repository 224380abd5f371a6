/** `policy explain`: which element of the living ruleset decides about a connection, hop by hop. Changes nothing. */
import { answerTo, packetOf, type Question } from '@flatnet/firewall';
import type { Kernel } from '@flatnet/kernel';
import { problem } from '../../failure.ts';
import type { Places } from '../../places.ts';
import type { World } from '../../world.ts';
import { type Attached, attachedNow } from './attached.ts';
import { type End, endsCalled } from './end.ts';
import { type Filters, type Hook, readFilters, throughFilters } from './filters.ts';
import type { Explained, Hop, Place } from './hop.ts';
import { meaningsOf } from './meaning.ts';
import type { AskedPort } from './port.ts';
import { addressOf, bridgeHop, deviceOf, familyOf, forwardingHop, publishedAt, publishedHop } from './way.ts';

/** What is read once for all connections. */
interface Scene {
  readonly kernel: Kernel;
  readonly all: readonly Attached[];
  readonly filters: (hook: Hook) => Promise<Filters>;
  readonly meaning: ReturnType<typeof meaningsOf>;
}

/**
 * Each way from one of the ends called `from` to one called `to`, in each family that both have.
 *
 * @throws OperatorError where an end is not known, or there is no way at all; ToolError, RtnetlinkError.
 */
export async function explain(
  { kernel, policies }: Pick<World, 'kernel' | 'policies'>,
  places: Pick<Places, 'cacheDir' | 'cniPath'>,
  { from, to, asked }: { readonly from: string; readonly to: string; readonly asked: AskedPort },
): Promise<readonly Explained[]> {
  const world = policies.open();
  const all = attachedNow(world, places);
  const [sources, targets] = [endsCalled(kernel, all, from), endsCalled(kernel, all, to)];
  const read = new Map<Hook, Promise<Filters>>();
  const scene: Scene = {
    ...{ kernel, all, meaning: meaningsOf(world) },
    filters: (hook) => {
      const filters = read.get(hook) ?? readFilters(kernel, hook);
      read.set(hook, filters);
      return filters;
    },
  };
  const explained: Explained[] = [];
  for (const source of sources) {
    for (const target of targets) {
      if (isSame(source, target)) continue;
      for (const family of [4, 6] as const) {
        explained.push(...(await explainOne(scene, { from: source, to: target, family, asked })));
      }
    }
  }
  if (explained.length > 0) return explained;
  throw problem(`no packet goes from ${from} to ${to}`, 'give two ends that have addresses of one family');
}

const isSame = (one: End, other: End): boolean =>
  one.kind === 'container' && other.kind === 'container'
    ? one.containerId === other.containerId
    : one.kind === other.kind;

interface Wish {
  readonly from: End;
  readonly to: End;
  readonly family: 4 | 6;
  readonly asked: AskedPort;
}

async function explainOne(scene: Scene, question: Wish): Promise<readonly Explained[]> {
  const { kernel } = scene;
  const { from, to, family, asked } = question;
  const [source, destination] = [addressOf(kernel, from, to, family), addressOf(kernel, to, from, family)];
  if (source === undefined || destination === undefined) return [];
  const hops = await hopsOf(scene, question, source, destination);
  const stop = hops.find(({ verdict }) => verdict !== 'passes');
  return [
    {
      ...{ from: placeOf(from, source), to: placeOf(to, destination), ...asked },
      ...{ verdict: stop?.verdict ?? 'passes', hops },
    },
  ];
}

const placeOf = (end: End, address: string): Place => {
  if (end.kind === 'host') return { name: 'host', address };
  if (end.kind === 'outside') return { name: end.name, address };
  return { name: end.names[0] ?? end.containerId.slice(0, 12), network: end.network, address };
};

/** A packet for the host may be for a published port, and then goes on to a container. */
async function hopsOf(scene: Scene, question: Wish, source: string, destination: string): Promise<readonly Hop[]> {
  const { kernel, all } = scene;
  const { from, to, asked } = question;
  if (to.kind !== 'host') return onward(scene, question, source, destination, false);
  const port = await publishedAt(kernel, destination, asked.protocol, asked.port);
  if (port === undefined) return filtered(scene, question, { source, destination, isTranslated: false });
  const hop = publishedHop(port, from.kind === 'host' ? undefined : source);
  if (hop.verdict !== 'passes') return [hop];
  const behind = all.find(({ addresses }) => addresses.includes(port.address));
  const target: End =
    behind === undefined
      ? { kind: 'outside', name: port.address, addresses: [port.address] }
      : { kind: 'container', ...behind };
  const next = { ...question, to: target, asked: { ...asked, port: port.port } };
  return [hop, ...(await onward(scene, next, source, port.address, true))];
}

async function onward(
  scene: Scene,
  question: Wish,
  source: string,
  destination: string,
  isTranslated: boolean,
): Promise<readonly Hop[]> {
  const { kernel } = scene;
  const { from, to } = question;
  const family = familyOf(destination);
  const [incoming, outgoing] = [deviceOf(kernel, from, family), deviceOf(kernel, to, family)];
  if (outgoing === undefined) {
    return [{ where: 'host', by: `no route to ${destination}`, because: '', verdict: 'refused' }];
  }
  const packet = { source, destination, isTranslated, outgoing };
  if (from.kind === 'host') return filtered(scene, question, packet);
  const isBridged = incoming === outgoing && from.kind === 'container' && to.kind === 'container';
  if (isBridged && !isTranslated) {
    const { hop, isJudged } = bridgeHop(kernel, outgoing, question);
    if (!isJudged) return [hop];
    return [hop, ...(await filtered(scene, question, packet))];
  }
  const halted = forwardingHop(kernel, family);
  return halted.length > 0 ? halted : filtered(scene, question, packet);
}

interface Course {
  readonly source: string;
  readonly destination: string;
  readonly isTranslated: boolean;
  readonly outgoing?: string;
}

async function filtered(
  { kernel, filters, meaning }: Scene,
  { from, to, asked }: Wish,
  { outgoing, ...addresses }: Course,
): Promise<readonly Hop[]> {
  const incoming = deviceOf(kernel, from, familyOf(addresses.destination));
  const question: Question = {
    ...{ ...addresses, ...asked },
    ...(incoming === undefined ? {} : { from: incoming }),
    ...(outgoing === undefined ? {} : { to: outgoing }),
  };
  const first = packetOf(question);
  const hops = throughFilters(await filters(first.hook), first, (chain) => meaning(chain, from, to));
  if (hops.some(({ verdict }) => verdict !== 'passes')) return hops;
  const answer = answerTo(question);
  const back = throughFilters(await filters(answer.hook), answer, () => 'the answer').at(-1);
  const lost = back === undefined || back.verdict === 'passes' ? [] : [back];
  if (hops.length > 0) return [...hops, ...lost];
  const because = from.kind === 'host' ? 'the host is not judged' : 'no rule stands in the way';
  return [{ where: 'host', by: `no base chain of hook ${first.hook}`, because, verdict: 'passes' }, ...lost];
}
