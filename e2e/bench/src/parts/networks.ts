import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET } from '../peers.ts';
import { median, mediansMs } from '../sample.ts';
import { makeNetns, Sandbox } from '../sandbox.ts';
import { CniSide, networkOf } from '../sides/cni.ts';
import { container, published } from '../sides/side.ts';
import { load, prepare } from './datapath.ts';

/** One side: a host with so many networks, each with a container. */
export interface NetworksFigures {
  readonly networks: number;
  /** One more ADD and DEL on the first network, milliseconds. */
  readonly add: number;
  readonly del: number;
  /** New connections to a published port of a container on the first network. */
  readonly perSecond: number;
}

const AT_ONCE = 2;

/** Hosts with one network and with `many`, in turn. */
export async function networks(many: number, rounds: number, budgetMs: number): Promise<readonly NetworksFigures[]> {
  const hosts: Host[] = [];
  for (const count of [1, many]) hosts.push(await hostWith(count));
  const samples = await inTurn(hosts, rounds, budgetMs, async ({ side, comes }) => ({
    add: await side.attach(comes),
    del: await side.detach(comes),
  }));
  const of = (verb: 'add' | 'del') => mediansMs(hosts.map((host) => samples.get(host)!.map((sample) => sample[verb])));
  const connections = await inTurn(hosts, 4, 60_000, async ({ path }) => (await load(path)).perSecond);
  hosts.forEach(({ side }) => side.sandbox.stop());
  const [adds, dels] = [of('add'), of('del')];
  return hosts.map((host, at) => ({
    ...{ networks: host.count, add: adds[at]!, del: dels[at]! },
    perSecond: median(connections.get(host)!),
  }));
}

type Host = Awaited<ReturnType<typeof hostWith>>;

async function hostWith(count: number) {
  progress(`networks: a host with ${count}`);
  const sandbox = new Sandbox(`networks${count}`);
  const side = new CniSide(FLATNET.name, sandbox, networkOf(FLATNET, sandbox.name, { full: true }), []);
  const path = (await prepare(side)).find(({ name }) => name === 'published port')!;
  makeNetns([`networks${count}-comes`]);
  const waiting = Array.from({ length: count - 1 }, (_, at) => at + 1);
  makeNetns(waiting.map((at) => `networks${count}-on${at}`));
  const worker = async (): Promise<void> => {
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
      const subnet = `10.${100 + (at >> 8)}.${at & 255}.0/24`;
      const network = networkOf(FLATNET, `${sandbox.name}-${at}`, { full: true, subnet, bridge: `bench${at}` });
      const one = container(`networks${count}-on${at}`, at + 10, published(10_000 + at));
      await new CniSide(FLATNET.name, sandbox, network, []).attach(one);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { count, side, path, comes: container(`networks${count}-comes`, 5, published(8090)) };
}

export function networksSection(rows: readonly NetworksFigures[]): Section {
  const [one] = rows;
  return {
    title: 'Cost against the number of networks',
    about:
      'Each network has a bridge, masquerade, and a container with one published port. ADD and DEL of one more container on the first ' +
      'network, milliseconds; connections to a published port of the first network, per second.',
    tables: [
      {
        head: ['networks', 'ADD, ms', 'DEL, ms', 'connections/s', 'against one network'],
        rows: rows.map((row) => [
          String(row.networks),
          ...[row.add, row.del, row.perSecond].map(figure),
          row === one
            ? ''
            : [ratio(row.add, one!.add), ratio(row.del, one!.del), ratio(row.perSecond, one!.perSecond)].join(', '),
        ]),
      },
    ],
  };
}
