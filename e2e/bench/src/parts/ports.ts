import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, REFERENCE } from '../peers.ts';
import { mediansMs, type Sample } from '../sample.ts';
import { makeNetns } from '../sandbox.ts';
import type { Maker } from '../sides/cni.ts';
import { container, published, type PortMapping } from '../sides/side.ts';
import { PortCrowd } from './port-crowd.ts';

/** What publishing so many ports of one container costs a side, milliseconds. */
export interface PortRow {
  readonly side: string;
  readonly ports: string;
  readonly add: number;
  readonly del: number;
}

const makers: readonly Maker[] = REFERENCE ? [FLATNET, REFERENCE] : [FLATNET];

interface PortList {
  readonly name: string;
  readonly ports: readonly PortMapping[];
  /** The reference starts several programs per port, each of which reads all rules: a minute for 1,000. */
  readonly slow: boolean;
}

const LISTS: readonly PortList[] = [
  { name: '1', ports: published(2_000), slow: false },
  { name: '32 scattered', ports: numbered(32).flatMap((at) => published(2_000 + at * 37, 80 + at)), slow: false },
  { name: '1,000 consecutive', ports: numbered(1_000).flatMap((at) => published(2_000 + at, 2_000 + at)), slow: true },
];

function numbered(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}

/** The portmap plugin alone. `patient`: the reference gets the slow list too, once. */
export async function ports(rounds: number, budgetMs: number, patient: boolean): Promise<readonly PortRow[]> {
  makeNetns(['many-ports']);
  const crowds = makers.map((maker) => new PortCrowd(maker, 'many-ports', 'many-ports'));
  const rows: PortRow[] = [];
  for (const { name, ports, slow } of LISTS) {
    const one = container('many-ports', 3, ports);
    const call = async (crowd: PortCrowd): Promise<{ add: Sample; del: Sample }> => ({
      add: await crowd.run('ADD', one, '10.88.0.3'),
      del: await crowd.run('DEL', one, '10.88.0.3'),
    });
    progress(`ports: ${name}`);
    const repeated = crowds.filter(({ maker }) => !slow || maker === FLATNET);
    const found = new Map(await inTurn(repeated, rounds, budgetMs / LISTS.length, call));
    if (patient) for (const crowd of crowds) if (!found.has(crowd)) found.set(crowd, [await call(crowd)]);
    const of = (verb: 'add' | 'del') => mediansMs([...found.values()].map((pairs) => pairs.map((pair) => pair[verb])));
    const [adds, dels] = [of('add'), of('del')];
    [...found.keys()].forEach(({ maker }, at) =>
      rows.push({ side: maker.name, ports: name, add: adds[at]!, del: dels[at]! }),
    );
  }
  crowds.forEach((crowd) => crowd.side.sandbox.stop());
  return rows;
}

export const portsSection = (rows: readonly PortRow[]): Section => ({
  title: 'Many ports of one container',
  about:
    'The portmap plugin alone. The reference gets 1,000 consecutive ports only with --only=ports, and once: that takes it a minute.',
  tables: [
    {
      head: ['ports', 'side', 'ADD, ms', 'DEL, ms', 'ADD / DEL against one port', 'flatnet is'],
      rows: rows.map((row) => {
        const one = rows.find(({ side }) => side === row.side)!;
        const own = rows.find(({ side, ports }) => side === FLATNET.name && ports === row.ports)!;
        const growth = row === one ? '' : `${ratio(row.add, one.add)} / ${ratio(row.del, one.del)}`;
        const against = row === own ? '' : `${ratio(own.add, row.add)} / ${ratio(own.del, row.del)}`;
        return [row.ports, row.side, figure(row.add), figure(row.del), growth, against];
      }),
    },
  ],
});
