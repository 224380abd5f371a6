import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { mediansMs, type Sample } from '../sample.ts';

/** Medians of one side at one size, milliseconds. */
export interface GrowthPoint {
  readonly axis: string;
  readonly side: string;
  readonly size: number;
  readonly add: number;
  readonly del: number;
}

/** One subject of a growth measurement: brought to a size, then ADD and DEL of one more. */
export interface Grower {
  readonly side: string;
  growTo(size: number): Promise<void>;
  add(): Promise<Sample>;
  del(): Promise<Sample>;
  stop(): void;
}

/** Brings every grower to each size in turn and measures one more ADD and DEL there. */
export async function growth(
  axis: string,
  growers: readonly Grower[],
  sizes: readonly number[],
  rounds: number,
  budgetMs: number,
): Promise<readonly GrowthPoint[]> {
  const points: GrowthPoint[] = [];
  for (const size of sizes) {
    progress(`growth: ${size} ${axis}`);
    for (const grower of growers) await grower.growTo(size);
    const samples = await inTurn(growers, rounds, budgetMs / sizes.length, async (grower) => ({
      add: await grower.add(),
      del: await grower.del(),
    }));
    const of = (verb: 'add' | 'del') =>
      mediansMs(growers.map((grower) => samples.get(grower)!.map((sample) => sample[verb])));
    const [adds, dels] = [of('add'), of('del')];
    growers.forEach(({ side }, at) => points.push({ axis, side, size, add: adds[at]!, del: dels[at]! }));
  }
  growers.forEach((grower) => grower.stop());
  return points;
}

export function growthSection(points: readonly GrowthPoint[]): Section {
  const axes = [...new Set(points.map(({ axis }) => axis))];
  return {
    title: 'Cost against size',
    about:
      'Milliseconds of one more ADD and DEL where so many are there already. Leases: the IPAM plugin alone. Ports: the portmap plugin ' +
      'alone. Attachments: the chain with masquerade and one port. Growth is against the smallest size.',
    tables: axes.map((axis) => ({
      head: [axis, 'side', 'ADD, ms', 'DEL, ms', 'growth of ADD / DEL'],
      rows: points
        .filter((point) => point.axis === axis)
        .map((point) => {
          const first = points.find(({ axis: of, side }) => of === axis && side === point.side)!;
          const grown = point === first ? '' : `${ratio(point.add, first.add)} / ${ratio(point.del, first.del)}`;
          return [String(point.size), point.side, figure(point.add), figure(point.del), grown];
        }),
    })),
  };
}
