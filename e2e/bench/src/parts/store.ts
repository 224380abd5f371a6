import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, REFERENCE } from '../peers.ts';
import { mediansMs, type Sample } from '../sample.ts';
import { makeNetns, must, Sandbox } from '../sandbox.ts';
import { networkOf, pluginCommand, type CniNetwork, type CniVerb, type Maker } from '../sides/cni.ts';
import { container, type Container } from '../sides/side.ts';
import { WRITE_LEASE } from './growers.ts';

/** Milliseconds; NaN where there is no reference. */
export interface StoreRow {
  readonly what: string;
  readonly flatnet: number;
  readonly reference: number;
  /** As many empty executables with flatnet's runtime, where many are started together. */
  readonly starts?: number;
}

/** Usable addresses of 10.88.0.0/16 but the gateway, as distances from its first. */
const FIRST = 2;
const LAST = 65_534;
const FREE = 40_000;
const AT_ONCE = 200;

const makers: readonly Maker[] = REFERENCE ? [FLATNET, REFERENCE] : [FLATNET];

/** The IPAM plugins alone, where their stores differ most. */
export async function store(empty: string, budgetMs: number): Promise<readonly StoreRow[]> {
  return [await lastFree(budgetMs), await atOnce(1, empty), await atOnce(2, empty)];
}

async function lastFree(budgetMs: number): Promise<StoreRow> {
  progress('store: the last free address of a /16');
  makeNetns(['last']);
  const stores = makers.map((maker) => new IpamSide(maker, ['last']));
  const one = container('last', 3);
  for (const side of stores) {
    // The first ADD makes the store.
    await side.call('ADD', one);
    await side.call('DEL', one);
    for (let at = FIRST; at <= LAST; at++) if (at !== FREE) WRITE_LEASE[side.maker.name]!(side.networks[0]!.name, at);
  }
  const found = await inTurn(stores, 12, budgetMs, async (side) => {
    const sample = await side.call('ADD', one);
    await side.call('DEL', one);
    return sample;
  });
  stores.forEach((side) => side.stop());
  const medians = mediansMs(stores.map((side) => found.get(side)!));
  return rowOf('ADD that gets the last free address of a /16', (side) => medians[stores.indexOf(side)]!, stores);
}

/** So many ADDs started together on fresh stores, over one network or several of one data directory. */
async function atOnce(networks: number, empty: string): Promise<StoreRow> {
  progress(`store: ${AT_ONCE} ADDs at once, ${networks} network(s)`);
  const numbers = Array.from({ length: AT_ONCE }, (_, at) => at);
  makeNetns(numbers.map((at) => `store${networks}-${at}`));
  const members = numbers.map((at) => container(`store${networks}-${at}`, at + 2));
  const names = Array.from({ length: networks }, (_, at) => `at-once${networks}-${at}`);
  const stores = makers.map((maker) => new IpamSide(maker, names));
  const totals = new Map<IpamSide, number>();
  for (const side of stores) {
    const begin = performance.now();
    await Promise.all(members.map((member, at) => side.call('ADD', member, at % networks)));
    totals.set(side, performance.now() - begin);
  }
  stores.forEach((side) => side.stop());
  const floor = new Sandbox(`starts${networks}`);
  const begin = performance.now();
  await Promise.all(numbers.map(() => must(floor, { file: empty })));
  const starts = performance.now() - begin;
  floor.stop();
  const what = `${AT_ONCE} ADDs at once on a fresh store${networks > 1 ? `, ${networks} networks of one data directory` : ''}`;
  return { ...rowOf(what, (side) => totals.get(side)!, stores), starts };
}

function rowOf(what: string, value: (side: IpamSide) => number, stores: readonly IpamSide[]): StoreRow {
  const [flatnet, reference] = stores.map(value);
  return { what, flatnet: flatnet ?? NaN, reference: reference ?? NaN };
}

/** The IPAM plugin of a maker by itself. */
class IpamSide {
  readonly networks: readonly CniNetwork[];
  readonly #sandbox: Sandbox;

  constructor(
    readonly maker: Maker,
    names: readonly string[],
  ) {
    this.#sandbox = new Sandbox(`${names[0]}-${maker.name}`);
    this.networks = names.map((name) => networkOf(maker, `${name}-${maker.name}`, { full: false }));
  }

  call(verb: CniVerb, of: Container, at = 0): Promise<Sample> {
    const network = this.networks[at]!;
    const command = pluginCommand(network, network.plugins[0]!, verb, of);
    return must(this.#sandbox, { ...command, file: `${this.maker.cniPath}/${this.maker.ipam}` });
  }

  stop(): void {
    this.#sandbox.stop();
  }
}

export const storeSection = (rows: readonly StoreRow[]): Section => ({
  title: 'The store of leases',
  about: 'The IPAM plugins alone, milliseconds. At once: until the last one has its address; every one has to get one.',
  tables: [
    {
      head: ['', 'flatnet-ipam', 'host-local', 'flatnet-ipam is', 'empty starts'],
      rows: rows.map(({ what, flatnet, reference, starts = NaN }) => [
        what,
        figure(flatnet),
        figure(reference),
        ratio(flatnet, reference),
        figure(starts),
      ]),
    },
  ],
});
