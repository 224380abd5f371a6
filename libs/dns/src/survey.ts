/** What is wrong with names, in words, and what all of this host are. Changes nothing. */
import { unanswered } from './answer.ts';
import type { Entry, Zone } from './model.ts';
import { lost } from './redirect.ts';
import { leadsOf, servedAt } from './serve.ts';
import { livingServer } from './server.ts';
import { viewsOf } from './view.ts';
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
  const { bridge } = zone;
  if (port === undefined)
    return { ...base, faults: [`no dnsmasq serves bridge ${bridge} as its network is configured`] };
  const faults = [...(await wrongLeads(world, bridge)), ...deadViews(world, zone)];
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

/** Questions from a bridge that should be answered by another port, and are not led there. */
async function wrongLeads(world: World, bridge: string): Promise<readonly string[]> {
  const leads = leadsOf(world, viewsOf(world)).filter((lead) => lead.bridge === bridge);
  return (await lost(world.kernel, leads)).map(
    ({ from, to, port }) =>
      `no rule leads questions${from === undefined ? '' : ` of ${from}`} to ${to} to port ${port}`,
  );
}

const deadViews = (world: World, { networkHash }: Zone): readonly string[] =>
  viewsOf(world)
    .filter(
      (view) => view.zones.some((zone) => zone.networkHash === networkHash) && livingServer(world, view) === undefined,
    )
    .map(({ zones }) => `no dnsmasq serves containers on ${zones.map(({ network }) => network).join(' and ')}`);
