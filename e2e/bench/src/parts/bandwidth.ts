import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, NEWEST_REFERENCES, REFERENCE } from '../peers.ts';
import { mediansMs, type Sample } from '../sample.ts';
import { makeNetns, must, netnsPath, Sandbox, tool } from '../sandbox.ts';
import { type CniNetwork, type CniVerb, pluginCommand } from '../sides/cni.ts';
import { container } from '../sides/side.ts';
import { findTool } from '../versions.ts';
import { type Ends, type Held, type Load, putLoad } from './shaped-load.ts';

/** What each side makes of a load, in the order of the sides. */
export interface LoadRow {
  readonly load: Load;
  readonly held: readonly Held[];
}

/** Milliseconds of a call, in the order of the sides. */
export interface CostRow {
  readonly what: string;
  readonly add: readonly number[];
  readonly del: readonly number[];
}

export interface BandwidthFigures {
  readonly sides: readonly string[];
  readonly loads: readonly LoadRow[];
  readonly costs: readonly CostRow[];
}

/** What Kubernetes sends for "no limit". */
const NO_BURST = 2 ** 31 - 1;
/** The reference refuses a rate without a burst. */
const USUAL_BURST = 8 * 65_536;

const LOADS: readonly Load[] = [
  ...[1e6, 10e6, 100e6, 1e9].flatMap((rate): readonly Load[] => [
    { rate, direction: 'down', flows: 1 },
    { rate, direction: 'up', flows: 1 },
  ]),
  { rate: 10e6, direction: 'down', flows: 10 },
  { rate: 10e6, direction: 'up', flows: 10 },
  { rate: 10e6, direction: 'down' },
  { rate: 10e6, direction: 'down', flows: 1, burst: NO_BURST },
  { rate: 10e6, direction: 'up', flows: 1, burst: NO_BURST },
];

const UNDISTURBED_TRIES = 3;
const ADDRESS = '10.9.8.2';
const HOST_END = 'h0';

/** A shaping plugin with a container of its own, which talks to a server on the other side of the host. */
class Shaper {
  readonly #network: CniNetwork;
  readonly ends: Ends;

  constructor(
    readonly name: string,
    cniPath: string,
    readonly type: string,
    at: number,
  ) {
    const sandbox = new Sandbox(`shape${at}`);
    this.ends = { sandbox, container: `shape${at}-c`, server: `shape${at}-s`, address: ADDRESS };
    this.#network = { name: sandbox.name, cniVersion: '1.0.0', cniPath, plugins: [] };
    makeNetns([this.ends.container, this.ends.server]);
    sandbox.tool('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    for (const [netns, end, net] of [
      [this.ends.container, HOST_END, '10.9.1'],
      [this.ends.server, 'h1', '10.9.8'],
    ] as const) {
      const own = `link add ${end} type veth peer name eth0 netns ${netns}\naddr add ${net}.1/24 dev ${end}\nlink set ${end} up\n`;
      sandbox.tool('ip', ['-batch', '-'], own);
      const inside = `addr add ${net}.2/24 dev eth0\nlink set eth0 up\nlink set lo up\nroute add default via ${net}.1\n`;
      tool('ip', ['-n', netns, '-batch', '-'], inside);
    }
  }

  call(verb: CniVerb, limits: object): Promise<Sample> {
    const { sandbox, container: netns } = this.ends;
    const prevResult = {
      cniVersion: '1.0.0',
      interfaces: [{ name: HOST_END }, { name: 'eth0', sandbox: netnsPath(netns) }],
      ips: [{ interface: 1, address: '10.9.1.2/24' }],
    };
    const plugin = { type: this.type, ...limits };
    return must(sandbox, pluginCommand(this.#network, plugin, verb, container(netns, 2), prevResult));
  }

  /** DEL, and what the reference leaves on the host end: it goes with a container's link, and this one stays. */
  async end(limits: object): Promise<Sample> {
    const sample = await this.call('DEL', limits);
    const left = this.ends.sandbox.tool('tc', ['qdisc', 'show', 'dev', HOST_END]);
    for (const [kind, where] of [
      ['tbf', 'root'],
      ['ingress', 'ingress'],
    ] as const) {
      if (left.includes(kind)) this.ends.sandbox.tool('tc', ['qdisc', 'delete', 'dev', HOST_END, where]);
    }
    return sample;
  }

  /** What it makes of a load. Once more with a full bucket where the machine stood still, three times at most. */
  async hold(load: Load, seconds: number): Promise<Held> {
    const limits = this.limitsOf(load);
    for (let tries = UNDISTURBED_TRIES; ; tries -= 1) {
      await this.call('ADD', limits);
      const { held, paused } = await putLoad(this.ends, load, seconds);
      await this.end(limits);
      if (!paused || tries === 1) return held;
    }
  }

  private limitsOf({ rate, direction, burst }: Load): object {
    const key = direction === 'down' ? 'ingress' : 'egress';
    const given = burst ?? (this.name === FLATNET.name ? undefined : USUAL_BURST);
    return { [`${key}Rate`]: rate, ...(given === undefined ? {} : { [`${key}Burst`]: given }) };
  }
}

/** Undefined where iperf3 is not installed. */
export async function bandwidth(
  seconds: number,
  rounds: number,
  budgetMs: number,
): Promise<BandwidthFigures | undefined> {
  if (findTool('iperf3') === undefined) return undefined;
  const makers = [REFERENCE, NEWEST_REFERENCES[0]].flatMap((maker) => maker ?? []);
  const shapers = [
    new Shaper(FLATNET.name, FLATNET.cniPath, 'flatnet-bandwidth', 0),
    ...makers.map(({ name, cniPath }, at) => new Shaper(name, cniPath, 'bandwidth', at + 1)),
  ];
  const loads: LoadRow[] = [];
  for (const load of LOADS) {
    progress(`bandwidth: ${wordsOf(load)}`);
    const held: Held[] = [];
    for (const shaper of shapers) held.push(await shaper.hold(load, seconds));
    loads.push({ load, held });
  }
  const costs = await costsOf(shapers, rounds, budgetMs);
  shapers.forEach(({ ends }) => ends.sandbox.stop());
  return { sides: shapers.map(({ name }) => name), loads, costs };
}

async function costsOf(shapers: readonly Shaper[], rounds: number, budgetMs: number): Promise<readonly CostRow[]> {
  const kinds = [
    { what: 'both directions', limits: { ingressRate: 10e6, egressRate: 10e6 } },
    { what: 'no limit', limits: {} },
  ];
  const rows: CostRow[] = [];
  for (const { what, limits } of kinds) {
    progress(`bandwidth: ADD and DEL, ${what}`);
    const samples = await inTurn(shapers, rounds, budgetMs / kinds.length, async (shaper) => {
      const isLimited = 'ingressRate' in limits && shaper.name !== FLATNET.name;
      const given = { ...limits, ...(isLimited ? { ingressBurst: USUAL_BURST, egressBurst: USUAL_BURST } : {}) };
      return { add: await shaper.call('ADD', given), del: await shaper.end(given) };
    });
    const of = (verb: 'add' | 'del') =>
      mediansMs(shapers.map((shaper) => samples.get(shaper)!.map((sample) => sample[verb])));
    rows.push({ what, add: of('add'), del: of('del') });
  }
  return rows;
}

const wordsOf = ({ rate, direction, flows, burst }: Load): string =>
  [
    `${rate / 1e6} Mbit/s ${direction}`,
    flows === undefined ? 'UDP' : flows === 1 ? 'TCP' : `${flows} TCP flows`,
    ...(burst === undefined ? [] : ["Kubernetes' burst"]),
  ].join(', ');

const heldWords = ({ share, ping, worst }: Held): string =>
  `${share.toFixed(3)}, ${figure(ping)} (${figure(worst)}) ms`;

export const bandwidthSection = (found: BandwidthFigures | undefined): Section => ({
  title: 'Limits of bandwidth',
  about:
    found === undefined
      ? 'iperf3 is not installed.'
      : 'What passes, as a part of the limit (payload with the headers of full frames added), and ping beside it, on average (the worst). ' +
        'flatnet-bandwidth chooses its burst where none is given; the reference demands one and gets 64 KiB. Then one ADD and one DEL, milliseconds.',
  tables:
    found === undefined
      ? []
      : [
          {
            head: ['limit and load', ...found.sides],
            rows: found.loads.map(({ load, held }) => [wordsOf(load), ...held.map(heldWords)]),
          },
          {
            head: ['', ...found.sides.flatMap((side) => [`ADD, ${side}`, `DEL, ${side}`]), 'flatnet / reference'],
            rows: found.costs.map(({ what, add, del }) => [
              what,
              ...found.sides.flatMap((_side, at) => [figure(add[at]!), figure(del[at]!)]),
              `${ratio(add[0]!, add[1] ?? NaN)}, ${ratio(del[0]!, del[1] ?? NaN)}`,
            ]),
          },
        ],
});
