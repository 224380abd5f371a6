import { FLATNET } from '../bench.ts';
import type { ChainFigures } from '../parts/chain.ts';
import type { CrowdRow } from '../parts/crowd.ts';
import type { GrowthPoint } from '../parts/growth.ts';
import type { PathFigures } from '../parts/datapath.ts';
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
  readonly growth?: readonly GrowthPoint[];
  readonly store?: readonly StoreRow[];
  readonly ports?: readonly PortRow[];
  readonly datapath?: readonly PathFigures[];
}

/** Every target that the findings can tell something about; ratios are flatnet's value by the other's. */
export const targetsOf = (found: Findings): readonly Target[] =>
  [
    ...chainTargets(found.full ?? []),
    ...plainTargets(found.plain ?? []),
    ...verbTargets(found.verbs ?? []),
    ...crowdTargets(found.crowd ?? []),
    ...growthTargets(found.growth ?? []),
    ...storeTargets(found.store ?? []),
    ...portTargets(found.ports ?? []),
    ...pathTargets(found.datapath ?? []),
  ].filter(({ value }) => Number.isFinite(value));

const of = (figures: readonly ChainFigures[], name: string) => figures.find(({ side }) => side === name);

function chainTargets(figures: readonly ChainFigures[]): readonly Target[] {
  const [own, reference, netavark] = [FLATNET.name, 'reference', 'netavark'].map((name) => of(figures, name));
  if (own === undefined) return [];
  const { add = NaN, del = NaN, addCpu = NaN } = reference ?? {};
  return [
    { what: 'chain ADD / reference', value: own.add / add, limit: 0.55 },
    { what: 'chain DEL / reference', value: own.del / del, limit: 0.3 },
    { what: 'CPU of the chain ADD / reference', value: own.addCpu / addCpu, limit: 1 },
    { what: 'chain ADD / netavark setup', value: own.add / (netavark?.add ?? NaN), limit: 0.7 },
    { what: 'chain DEL / netavark teardown', value: own.del / (netavark?.del ?? NaN), limit: 0.4 },
    { what: 'peak memory of a process, MB', value: own.peakMb, limit: 60 },
  ];
}

const plainTargets = (figures: readonly ChainFigures[]): readonly Target[] => [
  {
    what: 'ADD without portmap and masquerade / reference',
    value: (of(figures, FLATNET.name)?.add ?? NaN) / (of(figures, 'reference')?.add ?? NaN),
    limit: 1.8,
  },
];

const verbTargets = (rows: readonly VerbRow[]): readonly Target[] =>
  rows.flatMap(({ what, flatnet, starts }) => {
    if (what.startsWith('VERSION')) return [{ what: `${what} / empty start`, value: flatnet / starts, limit: 1.3 }];
    return what.startsWith('STATUS') ? [{ what: `${what} / empty starts`, value: flatnet / starts, limit: 2 }] : [];
  });

function crowdTargets(rows: readonly CrowdRow[]): readonly Target[] {
  const total = (name: string): number => {
    const row = rows.find(({ side, size }) => side === name && size === 100);
    return row === undefined ? NaN : row.add + row.del;
  };
  return [
    { what: '100 at once, ADD and DEL / reference', value: total(FLATNET.name) / total('reference'), limit: 0.3 },
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

export const targetLine = ({ what, value, limit }: Target): string =>
  `${value <= limit ? 'reached' : '**behind**'}: ${what} ${value.toFixed(2)}, to reach ${limit}`;
