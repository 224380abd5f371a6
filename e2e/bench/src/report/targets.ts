import { FLATNET } from '../peers.ts';
import type { BandwidthFigures } from '../parts/bandwidth.ts';
import type { ChainFigures } from '../parts/chain.ts';
import type { CrowdRow } from '../parts/crowd.ts';
import type { GrowthPoint } from '../parts/growth.ts';
import type { PathFigures } from '../parts/datapath.ts';
import type { NetworksFigures } from '../parts/networks.ts';
import type { PortRow } from '../parts/ports.ts';
import type { StoreRow } from '../parts/store.ts';
import type { VerbRow } from '../parts/verbs.ts';

/** Something that the project promised itself: a ratio and its limit. */
export interface Target {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
}

export interface Findings {
  readonly full?: readonly ChainFigures[];
  readonly plain?: readonly ChainFigures[];
  readonly verbs?: readonly VerbRow[];
  readonly crowd?: readonly CrowdRow[];
  readonly networks?: readonly NetworksFigures[];
  readonly growth?: readonly GrowthPoint[];
  readonly store?: readonly StoreRow[];
  readonly ports?: readonly PortRow[];
  readonly datapath?: readonly PathFigures[];
  readonly bandwidth?: BandwidthFigures;
}

/** Every target that the findings can tell something about; ratios are flatnet's value by the other's. */
export const targetsOf = (found: Findings): readonly Target[] =>
  [
    ...chainTargets(found.full ?? []),
    ...plainTargets(found.plain ?? []),
    ...verbTargets(found.verbs ?? []),
    ...crowdTargets(found.crowd ?? []),
    ...networksTargets(found.networks ?? []),
    ...growthTargets(found.growth ?? []),
    ...storeTargets(found.store ?? []),
    ...portTargets(found.ports ?? []),
    ...pathTargets(found.datapath ?? []),
    ...limitTargets(found.bandwidth),
  ].filter(({ value }) => Number.isFinite(value));

type Figures = Pick<ChainFigures, 'add' | 'del' | 'addCpu' | 'delCpu'>;
const ABSENT: Figures = { add: NaN, del: NaN, addCpu: NaN, delCpu: NaN };

/** The figures of a side, or NaN where it was not measured: a target without a figure is left out. */
const of = (figures: readonly ChainFigures[], name: string): Figures =>
  figures.find(({ side }) => side === name) ?? ABSENT;

/** What is reached at the newest reference is measured against the better of its backends. */
const better = (one: number, other: number): number => Math.min(one, other);

function chainTargets(figures: readonly ChainFigures[]): readonly Target[] {
  const own = figures.find(({ side }) => side === FLATNET.name);
  if (own === undefined) return [];
  const [reference, netavark, newest] = [
    of(figures, 'reference'),
    of(figures, 'netavark'),
    of(figures, 'newest netavark'),
  ];
  const [iptables, nftables] = ['iptables', 'nftables'].map((backend) => of(figures, `newest reference, ${backend}`));
  return [
    { what: 'chain ADD / newest netavark setup', value: own.add / newest.add, limit: 0.75 },
    { what: 'chain DEL / newest netavark teardown', value: own.del / newest.del, limit: 0.85 },
    { what: 'CPU of the chain ADD / newest netavark', value: own.addCpu / newest.addCpu, limit: 1.6 },
    { what: 'CPU of the chain DEL / newest netavark', value: own.delCpu / newest.delCpu, limit: 2.2 },
    { what: 'chain ADD / netavark setup', value: own.add / netavark.add, limit: 0.55 },
    { what: 'chain DEL / netavark teardown', value: own.del / netavark.del, limit: 0.45 },
    { what: 'chain ADD / reference', value: own.add / reference.add, limit: 0.42 },
    { what: 'chain DEL / reference', value: own.del / reference.del, limit: 0.27 },
    { what: 'CPU of the chain ADD / reference', value: own.addCpu / reference.addCpu, limit: 0.5 },
    {
      what: 'chain ADD / newest reference, its better backend',
      value: own.add / better(iptables!.add, nftables!.add),
      limit: 0.38,
    },
    { what: 'chain DEL / newest reference, nftables', value: own.del / nftables!.del, limit: 0.3 },
    { what: 'CPU of the chain ADD / newest reference, nftables', value: own.addCpu / nftables!.addCpu, limit: 0.7 },
    { what: 'programs of ADD', value: own.addProcesses, limit: 3 },
    { what: 'programs of DEL', value: own.delProcesses, limit: 3 },
    { what: 'peak memory of a process, MB', value: own.peakMb, limit: 60 },
  ];
}

function plainTargets(figures: readonly ChainFigures[]): readonly Target[] {
  const own = of(figures, FLATNET.name);
  const against = (name: string, add: number, del: number): readonly Target[] => [
    { what: `ADD without portmap and masquerade / ${name}`, value: own.add / of(figures, name).add, limit: add },
    { what: `DEL without portmap and masquerade / ${name}`, value: own.del / of(figures, name).del, limit: del },
  ];
  return [...against('reference', 1.5, 1.2), ...against('newest reference, nftables', 1.3, 1.1)];
}

/** Limits against empty starts; STATUS of the main plugin, which asks its delegate, is held against VERSION. */
function verbTargets(rows: readonly VerbRow[]): readonly Target[] {
  const row = (begin: string) => rows.find(({ what }) => what.startsWith(begin));
  const [version, status, ipam] = [row('VERSION'), row('STATUS of the main'), row('ADD of the IPAM')];
  const by = (one: VerbRow | undefined, other: number | undefined): number => (one?.flatnet ?? NaN) / (other ?? NaN);
  return [
    { what: 'VERSION / empty start', value: by(version, version?.starts), limit: 1.2 },
    { what: 'ADD of the IPAM plugin / empty start', value: by(ipam, ipam?.starts), limit: 1.9 },
    { what: 'STATUS of the main plugin / VERSION', value: by(status, version?.flatnet), limit: 2.5 },
  ];
}

function crowdTargets(rows: readonly CrowdRow[]): readonly Target[] {
  const total = (name: string): number => {
    const row = rows.find(({ side, size }) => side === name && size === 100);
    return row === undefined ? NaN : row.add + row.del;
  };
  return [
    { what: '100 at once, ADD and DEL / reference', value: total(FLATNET.name) / total('reference'), limit: 0.35 },
  ];
}

function networksTargets([one, many]: readonly NetworksFigures[]): readonly Target[] {
  if (one === undefined || many === undefined) return [];
  const of = `with ${many.networks} networks / with ${one.networks}`;
  return [
    { what: `ADD ${of}`, value: many.add / one.add, limit: 1.1 },
    { what: `DEL ${of}`, value: many.del / one.del, limit: 1.1 },
    { what: `time per connection ${of}`, value: one.perSecond / many.perSecond, limit: 1.03 },
  ];
}

function growthTargets(points: readonly GrowthPoint[]): readonly Target[] {
  const own = points.filter(({ side }) => side === FLATNET.name);
  return [...new Set(own.map(({ axis }) => axis))].flatMap((axis) => {
    const line = own.filter((point) => point.axis === axis);
    const [first, last] = [line[0]!, line.at(-1)!];
    return (['add', 'del'] as const).map((verb) => ({
      what: `${verb.toUpperCase()} with ${last.size} ${axis} / with ${first.size}`,
      value: last[verb] / first[verb],
      limit: 1.2,
    }));
  });
}

const storeTargets = (rows: readonly StoreRow[]): readonly Target[] =>
  rows.map(({ what, flatnet, reference }) =>
    what.includes('last free')
      ? { what: `${what}, ms`, value: flatnet, limit: 150 }
      : { what: `${what} / host-local`, value: flatnet / reference, limit: 0.5 },
  );

function portTargets(rows: readonly PortRow[]): readonly Target[] {
  const own = rows.filter(({ side }) => side === FLATNET.name);
  return own.slice(1).flatMap((row) =>
    (['add', 'del'] as const).map((verb) => ({
      what: `${verb.toUpperCase()} of ${row.ports} ports / of one`,
      value: row[verb] / own[0]![verb],
      limit: row.ports.startsWith('32') ? 1.5 : 3,
    })),
  );
}

/** Time per byte and per connection with many other ports against none. Data paths vary by a tenth from run to run. */
function pathTargets(rows: readonly PathFigures[]): readonly Target[] {
  const own = rows.filter(({ side }) => side === FLATNET.name);
  const alone = own.find(({ path }) => path === 'published port');
  const among = own.find(({ path }) => path.startsWith('published port,'));
  if (alone === undefined || among === undefined) return [];
  return [
    { what: 'time per byte among 10,000 ports / alone', value: alone.gigabits / among.gigabits, limit: 1.1 },
    { what: 'time per connection among 10,000 ports / alone', value: alone.perSecond / among.perSecond, limit: 1.1 },
  ];
}

/** A limit is held within a twentieth, with the burst that Kubernetes sends too; a ping waits no longer than the queue is. */
function limitTargets(found: BandwidthFigures | undefined): readonly Target[] {
  const own = (found?.loads ?? []).map(({ load, held }) => ({ load, held: held[0]! }));
  if (own.length === 0) return [];
  const megabit = own.filter(({ load }) => load.rate >= 1e6);
  return [
    { what: 'what passes a limit, at most', value: Math.max(...own.map(({ held }) => held.share)), limit: 1.05 },
    {
      what: 'limit / what passes it, at most',
      value: Math.max(...own.map(({ held }) => 1 / held.share)),
      limit: 1.053,
    },
    { what: 'ping under a limit, ms', value: Math.max(...megabit.map(({ held }) => held.ping)), limit: 75 },
  ];
}

export const targetLine = ({ what, value, limit }: Target): string =>
  `${value <= limit ? 'reached' : '**behind**'}: ${what} ${value.toFixed(2)}, to reach ${limit}`;
