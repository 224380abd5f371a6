/** What a container is answered, asked from its own network namespace. */
import { ask, DNS_PORT, type Entry, type Zone } from '@flatnet/dns';
import { environment, problem } from '../failure.ts';
import type { World } from '../world.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface Asked {
  readonly network: string;
  readonly server: string;
  readonly outcome: 'found' | 'not found' | 'refused' | 'no answer';
  readonly addresses: readonly string[];
}

const TIMEOUT_MS = 2_000;
const REFUSED = 5;

/** One answer for each network of the container. @throws OperatorError */
export function askFrom(
  { kernel, names }: Pick<World, 'kernel' | 'names'>,
  name: string,
  container: string,
): readonly Asked[] {
  const dns = names.open();
  const zones = dns.folder.networks().flatMap((hash) => dns.folder.readZone(hash) ?? []);
  const places = zones.flatMap((zone) =>
    dns.folder.entries(zone.networkHash).flatMap((entry) => (isCalled(entry, container) ? [{ zone, entry }] : [])),
  );
  if (places.length === 0) throw problem(`no container ${container} has names`, 'flatnetctl dns show');
  const others = new Set(places.map(({ entry }) => entry.owner.containerId));
  if (others.size > 1)
    throw problem(`${container} may be one of several containers: ${[...others].join(', ')}`, 'give its id');
  return places.flatMap(({ zone, entry }) => {
    const [server] = zone.addresses;
    return server === undefined ? [] : [askOne({ kernel, names }, zone, entry, server, name)];
  });
}

const isCalled = ({ owner, names }: Entry, container: string): boolean =>
  names.includes(container.toLowerCase()) || owner.containerId.startsWith(container);

function askOne(
  { kernel, names }: Pick<World, 'kernel' | 'names'>,
  { network }: Zone,
  { netns }: Entry,
  server: string,
  name: string,
): Asked {
  try {
    const [a, aaaa] = kernel.inNetns(netns, () =>
      (['A', 'AAAA'] as const).map((type) =>
        ask(names.open().sys(), { address: server, port: DNS_PORT }, name, type, TIMEOUT_MS),
      ),
    );
    const addresses = [...(a?.addresses ?? []), ...(aaaa?.addresses ?? [])];
    return { network, server, outcome: outcomeOf(a?.rcode, addresses.length > 0), addresses };
  } catch (error) {
    throw environment(`cannot ask from ${netns}: ${(error as Error).message}`, 'run it as root', error);
  }
}

function outcomeOf(rcode: number | undefined, isFound: boolean): Asked['outcome'] {
  if (rcode === undefined) return 'no answer';
  if (isFound) return 'found';
  return rcode === REFUSED ? 'refused' : 'not found';
}
