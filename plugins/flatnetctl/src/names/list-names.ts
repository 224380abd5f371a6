import { survey } from '@flatnet/dns';
import type { World } from '../world.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface NameEntry {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly names: readonly string[];
  readonly domain: string;
  readonly addresses: readonly string[];
  /** Where its siblings ask. */
  readonly servers: readonly string[];
  /** Another than 53 where that is another program's. */
  readonly port?: number;
  readonly state: 'ok' | 'missing';
  readonly missing: readonly string[];
}

/** The names of containers, of one network or of all. @throws ToolError; the system's error. */
export async function listNames(world: Pick<World, 'names'>, network?: string): Promise<readonly NameEntry[]> {
  const zones = await survey(world.names.open());
  return zones
    .filter(({ zone }) => network === undefined || zone.network === network)
    .flatMap(({ zone, entries, port, faults, missing }) =>
      entries.map(({ owner, names, addresses }): NameEntry => {
        const wrong = [...faults, ...(missing.get(owner.hash) ?? [])];
        return {
          ...{ network: owner.network, containerId: owner.containerId, ifName: owner.ifName },
          ...{ names, domain: zone.domain, addresses, servers: zone.addresses },
          ...(port === undefined ? {} : { port }),
          state: wrong.length > 0 ? 'missing' : 'ok',
          missing: wrong,
        };
      }),
    );
}
