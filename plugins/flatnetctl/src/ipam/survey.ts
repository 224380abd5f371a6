/**
 * Every trace that attachments left, from all the places that keep one:
 *
 *   leases            the store of flatnet-ipam                 an address is taken
 *   links             host ends, by the owner in their alias    a container is connected
 *   published ports   records, and elements in the kernel       a host port leads to it
 *   cached results    libcni's cache                            a runtime means to send DEL
 *   namespaces        what is at the path that ADD was given    it lives
 *
 * Nothing is changed by looking.
 */
import { readdirSync } from 'node:fs';
import { DEFAULT_DATA_DIR, isIdentifier, networkHash, attachmentHash, type Attachment } from '@flatnet/cni';
import { overview, Records, type Orphan, type Standing } from '@flatnet/hostport';
import type { Nft } from '@flatnet/kernel';
import { listTables, ownerOfChain } from '@flatnet/rules';
import type { Lease } from '@flatnet/store';
import { listCached, type CachedAttachment } from '../chain/cache.ts';
import { hostEndsOfFlatnet, type HostEnd } from '../chain/host-ends.ts';
import { readResult } from '../chain/result.ts';
import { hostEndOf, hostLinks, lifeOf, namespaceAt, type Life } from '../chain/life.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { findNetwork, networksOf } from '../conflist/driver-networks.ts';
import { asRun } from '../conflist/as-run.ts';
import { mainPlugin, type Network } from '../conflist/model.ts';
import { bridgeOf, factsOf } from '../network/describe.ts';
import type { Places } from '../places.ts';
import type { World } from '../world.ts';
import { addressesIn } from './addresses-in.ts';
import { isLeasedHere } from './leased-here.ts';
import { holdingsIn, storeFolderOf } from './leases.ts';

/** One attachment and what there is of it. */
export interface Trace {
  readonly network: string;
  readonly attachment: Attachment;
  /** `attachmentHash`: how kernel objects name it. */
  readonly mark: string;
  readonly life: Life;
  readonly name?: string;
  readonly netns?: string;
  readonly lease?: Lease;
  /** The host end of its veth pair stands. */
  readonly linked: boolean;
  /** Its host end, where the alias names the attachment. */
  readonly hostEnd?: HostEnd;
  readonly published?: Standing;
  readonly cached?: CachedAttachment;
  /** Addresses in its namespace; undefined where that cannot be looked into. */
  readonly inside?: readonly string[];
}

/** A network that is looked at: with its configuration, or only with what it left in the default store. */
export interface Subject {
  readonly name: string;
  readonly file?: NetworkFile;
  readonly storeFolder: string;
  /** Its configuration says that flatnet-ipam leases its addresses. */
  readonly isLeased?: boolean;
}

export interface Survey {
  /** Where plugins are searched: a name may be run by another plugin. */
  readonly cniPath: readonly string[];
  readonly subjects: readonly Subject[];
  readonly traces: readonly Trace[];
  /** Addresses that are taken by a record that cannot be read. */
  readonly unreadable: readonly { readonly network: string; readonly address: string }[];
  /** Elements of the kernel that no record knows. `network` is empty when its name is not known here. */
  readonly orphans: readonly (Orphan & { readonly network: string })[];
}

/** @throws OperatorError when a named network does not exist, or a store is not one; ToolError. */
export async function survey(
  world: World,
  places: Places,
  names: readonly string[],
  { insideToo }: { readonly insideToo: boolean },
): Promise<Survey> {
  const known = subjectsOf(places, names);
  const ends = hostEndsOfFlatnet(world);
  const { standing, orphans } = await overview(world.kernel.nft, recordsOf(known));
  const links = ends.flatMap((hostEnd) => (hostEnd.owner === undefined ? [] : [{ ...hostEnd.owner, hostEnd }]));
  const seen = [...links.map(({ network }) => network), ...standing.map(({ record }) => record.owner.network)];
  const subjects = names.length > 0 ? known : withStrangers(known, seen);
  const wanted = new Set(subjects.map(({ name }) => name));
  const holdings = subjects.flatMap(({ name, storeFolder }) => holdingsIn(name, storeFolder));
  const clues = new Map<string, Clue>();
  const note = (network: string, attachment: Attachment, clue: Partial<Clue>): void => {
    if (!wanted.has(network)) return;
    const key = JSON.stringify([network, attachment.containerId, attachment.ifName]);
    clues.set(key, { ...(clues.get(key) ?? { network, attachment }), ...clue });
  };
  for (const { network, lease } of holdings) if (lease !== undefined) note(network, lease.attachment, { lease });
  for (const { network, attachment, hostEnd } of links) note(network, attachment, { linked: true, hostEnd });
  for (const each of standing) note(each.record.owner.network, keyOf(each.record.owner), { published: each });
  const configured = new Map(
    subjects.flatMap(({ name, file }) => (file === undefined ? [] : [[name, asRun(file.network, places.cniPath)]])),
  );
  for (const cached of listCached(places.cacheDir)) {
    if (configured.has(cached.network)) note(cached.network, keyOf(cached), { cached });
  }
  const present = hostLinks();
  const strays = await strayRules(world.kernel.nft, [...clues.values()], present);
  const traces = [...clues.values()].map((clue) => traceOf(clue, configured.get(clue.network), present));
  return {
    cniPath: places.cniPath,
    subjects,
    traces: insideToo ? lookInside(world, traces) : traces,
    unreadable: holdings
      .filter(({ lease }) => lease === undefined)
      .map(({ network, ip }) => ({ network, address: String(ip) })),
    orphans: [...orphans, ...strays].flatMap((orphan) => {
      const network = subjects.find(({ name }) => networkHash(name) === orphan.networkHash)?.name ?? '';
      return network !== '' || names.length === 0 ? [{ ...orphan, network }] : [];
    }),
  };
}

/** Rules in the kernel whose attachment has neither a trace nor a host end. An ADD makes its host end before its rules. */
async function strayRules(nft: Nft, clues: readonly Clue[], present: ReadonlySet<string>): Promise<readonly Orphan[]> {
  const known = new Set(clues.map(({ network, attachment }) => attachmentHash(network, attachment).slice(0, 12)));
  const strays = new Map<string, Orphan>();
  for (const name of (await listTables(nft)).flatMap(({ chains }) => [...chains.keys()])) {
    const owner = ownerOfChain(name);
    if (owner === undefined || known.has(owner.attachment) || present.has(`fl${owner.attachment}`)) continue;
    const { networkHash: of, attachment: hash } = owner;
    strays.set(hash, { networkHash: of, hash, elements: [...(strays.get(hash)?.elements ?? []), `chain ${name}`] });
  }
  return [...strays.values()];
}

interface Clue {
  readonly network: string;
  readonly attachment: Attachment;
  readonly lease?: Lease;
  readonly linked?: boolean;
  readonly hostEnd?: HostEnd;
  readonly published?: Standing;
  readonly cached?: CachedAttachment;
}

const keyOf = ({ containerId, ifName }: Attachment): Attachment => ({ containerId, ifName });

/** Networks with a plugin of ours, and (when none is named) those whose leases are there without a configuration. */
export function subjectsOf(places: Places, names: readonly string[]): readonly Subject[] {
  const { cniPath } = places;
  const files = names.length > 0 ? names.map((name) => findNetwork(places, name)) : networksOf(places).files;
  const stores = storesIn(DEFAULT_DATA_DIR);
  const configured = files
    .filter(({ network }) => isOurs(network, cniPath) || stores.includes(network.name))
    .map((file): Subject => {
      const { network } = file;
      const isLeased = isLeasedHere(network, cniPath);
      return { name: network.name, file, storeFolder: storeFolderOf(network), isLeased };
    });
  if (names.length > 0) return configured;
  const known = new Set(files.map(({ network }) => network.name));
  const left = stores.filter((name) => !known.has(name));
  return [...configured, ...left.map((name) => ({ name, storeFolder: DEFAULT_DATA_DIR }))];
}

/** Networks whose configuration is gone, or elsewhere: their containers go on. */
function withStrangers(known: readonly Subject[], seen: readonly string[]): readonly Subject[] {
  const names = new Set(known.map(({ name }) => name));
  const strangers = [...new Set(seen)].filter((name) => !names.has(name)).sort();
  return [...known, ...strangers.map((name) => ({ name, storeFolder: DEFAULT_DATA_DIR }))];
}

const isOurs = (network: Network, cniPath: readonly string[]): boolean =>
  asRun(network, cniPath).plugins.some(({ type }) => type.startsWith('flatnet')) || isLeasedHere(network, cniPath);

function storesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter(isIdentifier).sort();
  } catch {
    return [];
  }
}

/** Where flatnet-portmap keeps its records: the default folder, and those that configurations name. */
export function recordsOf(subjects: readonly Subject[]): readonly Records[] {
  const folders = subjects.flatMap(({ file }) =>
    (file?.network.plugins ?? [])
      .filter(({ type }) => type === 'flatnet-portmap')
      .map(({ dataDir }) => dataDir)
      .filter((folder): folder is string => typeof folder === 'string' && folder.startsWith('/')),
  );
  return [new Records(), ...[...new Set(folders)].map((folder) => new Records(folder))];
}

function traceOf(clue: Clue, config: Network | undefined, present: ReadonlySet<string>): Trace {
  const { network, attachment, lease, linked, hostEnd, published, cached } = clue;
  const facts = cached === undefined ? undefined : factsOf(cached);
  // The newest first: a lease that an ADD found and kept names the namespace of an earlier life.
  const netns = published?.record.netns || facts?.netns || lease?.netns || undefined;
  const netnsId = published?.record.netns ? published.record.netnsId : cached?.netnsId;
  const witness = {
    ...{ network, attachment },
    ...(netns === undefined ? {} : { netns }),
    ...(netnsId === undefined ? {} : { netnsId }),
    hostEnds: config === undefined || cached === undefined ? [] : hostEndsOf(cached, config),
  };
  const name = lease?.name ?? facts?.name;
  return {
    ...{ network, attachment, mark: attachmentHash(network, attachment) },
    life: lifeOf(witness, present),
    ...(name === undefined ? {} : { name }),
    ...(netns === undefined ? {} : { netns }),
    ...(lease === undefined ? {} : { lease }),
    // An alias that has no room for the names in clear text tells nothing; the link's own name does.
    linked: linked ?? present.has(hostEndOf(network, attachment)),
    ...(hostEnd === undefined ? {} : { hostEnd }),
    ...(published === undefined ? {} : { published }),
    ...(cached === undefined ? {} : { cached }),
  };
}

/** What a result says of links on the host, but for the bridge, which outlives its containers. */
const hostEndsOf = (cached: CachedAttachment, network: Network): readonly string[] => {
  const bridge = bridgeOf(network);
  if (mainPlugin(network).type === 'flatnet') return [];
  return readResult(cached.result).interfaces.flatMap(({ name, sandbox }) =>
    sandbox === undefined && name !== bridge ? [name] : [],
  );
};

function lookInside(world: World, traces: readonly Trace[]): readonly Trace[] {
  const seen: Trace[] = [];
  for (const trace of traces) {
    const visible = trace.life === 'alive' && trace.lease !== undefined && isVisible(trace.netns);
    const inside = visible ? addressesIn(world.kernel, trace.netns as string) : undefined;
    seen.push(inside === undefined ? trace : { ...trace, inside });
  }
  return seen;
}

function isVisible(netns: string | undefined): boolean {
  try {
    return netns !== undefined && /^\d+:\d+$/.test(namespaceAt(netns) ?? '');
  } catch {
    return false;
  }
}
