/** What is wrong with names, in words, and what all of this host are. Changes nothing. */
import { unanswered } from './answer.ts';
import { DNS_PORT } from './conf.ts';
import type { Entry, Zone } from './model.ts';
import { ledTo } from './redirect.ts';
import { servedAt } from './serve.ts';
import type { World } from './world.ts';

/** A zone's server, and why it does not answer with the names of its attachments. */
export interface ZoneSurvey {
  readonly zone: Zone;
  readonly entries: readonly Entry[];
  /** Where it listens; undefined where no server of the zone's configuration lives. */
  readonly port?: number;
  /** Of all attachments. */
  readonly faults: readonly string[];
  /** Of single ones, by the attachment's hash. */
  readonly missing: ReadonlyMap<string, readonly string[]>;
}

/** The zones of this host that have names. @throws ToolError of nft; SysError. */
export async function survey(world: World): Promise<readonly ZoneSurvey[]> {
  const { folder } = world;
  const surveys: ZoneSurvey[] = [];
  for (const networkHash of folder.networks()) {
    const zone = folder.readZone(networkHash);
    const entries = folder.entries(networkHash);
    if (zone !== undefined && entries.length > 0) surveys.push(await surveyOf(world, zone, entries));
  }
  return surveys;
}

/** What is wrong with one attachment, whose names should be `wanted`; nothing where the server answers with them. */
export async function differences(world: World, zone: Zone, wanted: Entry): Promise<readonly string[]> {
  const entry = world.folder.readEntry(wanted.owner);
  if (entry === undefined) return ['its names are not written down'];
  const others = (['names', 'addresses'] as const).flatMap((part) => {
    const [has, wants] = [entry[part].join(' '), wanted[part].join(' ')];
    return has === wants ? [] : [`${part} are ${has} instead of ${wants}`];
  });
  const { faults, missing } = await surveyOf(world, zone, [entry]);
  return [...others, ...faults, ...(missing.get(entry.owner.hash) ?? [])];
}

async function surveyOf(world: World, zone: Zone, entries: readonly Entry[]): Promise<ZoneSurvey> {
  const port = servedAt(world, zone);
  const base = { zone, entries, missing: new Map<string, readonly string[]>() };
  const { bridge, addresses } = zone;
  if (port === undefined)
    return { ...base, faults: [`no dnsmasq serves bridge ${bridge} as its network is configured`] };
  const faults: string[] = [];
  if (port !== DNS_PORT) {
    const led = await ledTo(world.kernel, bridge);
    const lost = addresses.filter((address) => led.get(address) !== port);
    if (lost.length > 0) faults.push(`no rule leads questions to ${lost.join(' and ')} to port ${port}`);
  }
  for (const entry of entries) {
    const missing = unanswered(world, zone, port, entry);
    // One that is mute makes each question wait.
    if (missing === 'mute')
      return { ...base, port, faults: [...faults, `dnsmasq on bridge ${bridge} does not answer`] };
    if (missing.length > 0)
      base.missing.set(entry.owner.hash, [`dnsmasq does not answer with ${missing.join(' and ')}`]);
  }
  return { ...base, port, faults };
}
