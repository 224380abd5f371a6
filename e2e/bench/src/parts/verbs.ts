import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, REFERENCE } from '../peers.ts';
import { medianMs, mediansMs, type Command, type Sample } from '../sample.ts';
import { makeNetns, must, PATH, Sandbox } from '../sandbox.ts';
import { cniSide, pluginCommand, type CniSide, type CniVerb, type Maker } from '../sides/cni.ts';
import { container, published } from '../sides/side.ts';

/** Medians in milliseconds by row and column; what has no counterpart is absent. */
export interface VerbRow {
  readonly what: string;
  readonly flatnet: number;
  readonly reference: number | undefined;
  /** Empty executables of the same runtime started for the same purpose. */
  readonly starts: number;
}

type Probe = (side: CniSide) => Promise<Sample>;

/** What Podman sends before each of its commands, to every plugin of every network. */
const podmanVersion = (side: CniSide, type: string): Command => ({
  file: `${side.network.cniPath}/${type}`,
  env: {
    PATH,
    CNI_COMMAND: 'VERSION',
    CNI_CONTAINERID: '',
    CNI_IFNAME: 'dummy',
    CNI_NETNS: 'dummy',
    CNI_PATH: 'dummy',
  },
  input: '{"cniVersion":"1.0.0"}',
});

/** One plugin alone: the verb with the configuration, and for portmap the result, that it gets in the chain. */
function alone(verb: CniVerb, part: 'ipam' | 'portmap', prevResult?: (side: CniSide) => unknown): Probe {
  return (side) => {
    const [main, portmap] = side.network.plugins as [Record<string, unknown>, Record<string, unknown>];
    const type = part === 'ipam' ? (main['ipam'] as { type: string }).type : portmap['type'];
    const plugin = part === 'ipam' ? main : portmap;
    const command = pluginCommand(
      side.network,
      plugin,
      verb,
      container('verbs-alone', 9, published(9001)),
      prevResult?.(side),
    );
    return must(side.sandbox, { ...command, file: `${side.network.cniPath}/${String(type)}` });
  };
}

const fixedResult = (): unknown => ({
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/verbs-alone' }],
  ips: [{ interface: 0, address: '10.88.7.7/16', gateway: '10.88.0.1' }],
});

interface RowPlan {
  readonly names: readonly string[];
  /** Run one after the other, so that an ADD is always undone. */
  readonly probes: readonly Probe[];
  /** How many plugins are executed. */
  readonly starts: number;
  /** The reference has no counterpart that could succeed. */
  readonly alone?: true;
}

const PLANS: readonly RowPlan[] = [
  {
    names: ['VERSION of one plugin'],
    probes: [(side) => must(side.sandbox, podmanVersion(side, side.network.plugins[0]!['type'] as string))],
    starts: 1,
  },
  {
    names: ['ADD of the IPAM plugin alone', 'DEL of the IPAM plugin alone'],
    probes: [alone('ADD', 'ipam'), alone('DEL', 'ipam')],
    starts: 1,
  },
  {
    names: ['ADD of the portmap plugin alone', 'DEL of the portmap plugin alone'],
    probes: [alone('ADD', 'portmap', fixedResult), alone('DEL', 'portmap', fixedResult)],
    starts: 1,
  },
  // Debian's portmap 1.1.1 fails CHECK right after its own ADD, so there is nothing to compare with.
  { names: ['CHECK of the chain'], probes: [(side) => side.check(staysOn(side))], starts: 3, alone: true },
];

const staysOn = (side: CniSide) => container(`verbs-stays-${side.name}`, 2, published(9000));

/** Every verb and every plugin by itself. */
export async function verbs(empty: string, rounds: number, budgetMs: number): Promise<readonly VerbRow[]> {
  progress('verbs: each plugin alone, CHECK, STATUS, VERSION');
  const makers: readonly Maker[] = REFERENCE ? [FLATNET, REFERENCE] : [FLATNET];
  makeNetns(['verbs-alone', ...makers.map(({ name }) => `verbs-stays-${name}`)]);
  const start = await emptyStart(empty, rounds);
  const sides = makers.map((maker) => cniSide(maker, new Sandbox(`verbs-${maker.name}`), { full: true }));
  for (const side of sides) await side.attach(staysOn(side));
  const rows: VerbRow[] = [];
  for (const { names, probes, starts, alone } of PLANS) {
    const found = await inTurn(alone ? sides.slice(0, 1) : sides, rounds, budgetMs / 5, async (side) => {
      const samples: Sample[] = [];
      for (const probe of probes) samples.push(await probe(side));
      return samples;
    });
    for (const [at, what] of names.entries()) {
      const [flatnet, reference] = mediansMs(
        [...found.values()].map((rounds) => rounds.map((samples) => samples[at]!)),
      );
      rows.push({ what, flatnet: flatnet!, reference, starts: start * starts });
    }
  }
  const statuses = await statusesOf(rounds, budgetMs / 5);
  rows.push({ what: 'STATUS of the chain', flatnet: statuses.chain, reference: undefined, starts: start * 3 });
  rows.push({ what: 'STATUS of the main plugin', flatnet: statuses.main, reference: undefined, starts: start * 2 });
  sides.forEach((side) => side.sandbox.stop());
  return rows;
}

/** STATUS came with CNI 1.1.0, which Debian 12's reference plugins do not speak. */
async function statusesOf(rounds: number, budgetMs: number): Promise<{ chain: number; main: number }> {
  const sides = [true, false].map((full) =>
    cniSide(FLATNET, new Sandbox(`verbs-status-${full ? 'chain' : 'main'}`), { full, cniVersion: '1.1.0' }),
  );
  const samples = await inTurn(sides, rounds, budgetMs, (side) => side.status());
  sides.forEach((side) => side.sandbox.stop());
  const [chain, main] = mediansMs(sides.map((side) => samples.get(side)!));
  return { chain: chain!, main: main! };
}

/** Milliseconds that an empty executable with the same runtime takes. */
export async function emptyStart(empty: string, rounds: number): Promise<number> {
  const sandbox = new Sandbox(`empty-${rounds}`);
  const samples = await inTurn([sandbox], rounds, 2_000, (subject) => must(subject, { file: empty, env: { PATH } }));
  sandbox.stop();
  return medianMs(samples.get(sandbox)!);
}

export const verbsSection = (rows: readonly VerbRow[]): Section => ({
  title: 'Each verb and each plugin alone',
  about:
    'Milliseconds. "Empty starts": as many empty executables with the same runtime as plugins are executed (STATUS and CHECK ' +
    'also execute the delegated IPAM plugin). The reference of this Debian has no STATUS, and its portmap fails CHECK after its own ADD.',
  tables: [
    {
      head: ['', 'flatnet', 'reference', 'flatnet / reference', 'empty starts', 'flatnet / empty starts'],
      rows: rows.map(({ what, flatnet, reference, starts }) => [
        what,
        figure(flatnet),
        figure(reference ?? NaN),
        ratio(flatnet, reference ?? NaN),
        figure(starts),
        ratio(flatnet, starts),
      ]),
    },
  ],
});
