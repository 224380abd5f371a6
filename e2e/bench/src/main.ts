import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { progress, secondsSinceStart, type Section } from './bench.ts';
import { FLATNET } from './peers.ts';
import { buildEmpty } from './executables.ts';
import { bandwidth, bandwidthSection } from './parts/bandwidth.ts';
import { chain, chainSection } from './parts/chain.ts';
import { cold, coldSection } from './parts/cold.ts';
import { crowd, crowdSection } from './parts/crowd.ts';
import { datapath, datapathSection } from './parts/datapath.ts';
import { attachmentGrowers, leaseGrowers, portGrowers } from './parts/growers.ts';
import { growth, growthSection } from './parts/growth.ts';
import { driver, driverSection } from './parts/driver.ts';
import { floor, floorSection } from './parts/floor.ts';
import { names, namesSection } from './parts/names.ts';
import { policies, policiesSection } from './parts/policies.ts';
import { networks, networksSection } from './parts/networks.ts';
import { ports, portsSection } from './parts/ports.ts';
import { podman, podmanSection } from './parts/podman.ts';
import { store, storeSection } from './parts/store.ts';
import { verbs, verbsSection } from './parts/verbs.ts';
import { renderReport } from './report/markdown.ts';
import { chainGroups, renderBars, renderGrowth } from './report/svg.ts';
import { targetLine, targetsOf, type Findings } from './report/targets.ts';
import { isolateState, ROOT } from './sandbox.ts';
import { short } from './short.ts';
import { describeMachine } from './versions.ts';

const RESULTS = join(ROOT, 'e2e/bench/results');

/** A part of the benchmark: what it found goes into the report, and into the table of targets. */
interface Part {
  readonly name: string;
  /** @param only parts that were asked for; none when it is the whole. */
  run(only: readonly string[]): Promise<Answer>;
}

interface Answer {
  readonly section: Section;
  readonly found?: Findings;
  readonly pictures?: Readonly<Record<string, string>>;
}

const PARTS: readonly Part[] = [
  {
    name: 'chain',
    async run() {
      const full = await chain(true, 60, 60_000);
      const plain = await chain(false, 60, 20_000);
      const picture = renderBars('Time of one ADD and one DEL, median', chainGroups(full, plain));
      return { section: chainSection(full, plain), found: { full, plain }, pictures: { 'chain.svg': picture } };
    },
  },
  {
    name: 'verbs',
    async run() {
      const rows = await verbs(buildEmpty(), 20, 30_000);
      return { section: verbsSection(rows), found: { verbs: rows } };
    },
  },
  { name: 'floor', run: async () => ({ section: floorSection(await floor(40, 20_000)) }) },
  {
    name: 'networks',
    async run() {
      const rows = await networks(300, 20, 20_000);
      return { section: networksSection(rows), found: { networks: rows } };
    },
  },
  {
    name: 'names',
    async run() {
      const rows = await names(30, 30_000);
      return { section: namesSection(rows), ...(rows === undefined ? {} : { found: { names: rows } }) };
    },
  },
  { name: 'driver', run: async () => ({ section: driverSection(await driver(30, 30_000)) }) },
  { name: 'policies', run: async () => ({ section: policiesSection(await policies(30, 30_000)) }) },
  {
    name: 'crowd',
    async run() {
      const rows = [...(await crowd(20, 3)), ...(await crowd(100, 1))];
      return { section: crowdSection(rows), found: { crowd: rows } };
    },
  },
  {
    name: 'growth',
    async run() {
      const points = [
        ...(await growth('leases', leaseGrowers(), [10, 1_000, 10_000, 60_000], 15, 30_000)),
        ...(await growth('published ports', portGrowers(), [1, 100, 1_000, 10_000], 12, 40_000)),
        ...(await growth('attachments', attachmentGrowers(), [1, 100, 500], 12, 30_000)),
      ];
      const picture = renderGrowth('One more ADD and DEL against what is there already', points);
      return { section: growthSection(points), found: { growth: points }, pictures: { 'growth.svg': picture } };
    },
  },
  {
    name: 'store',
    async run() {
      const rows = await store(buildEmpty(), 20_000);
      return { section: storeSection(rows), found: { store: rows } };
    },
  },
  {
    name: 'ports',
    async run(only) {
      const rows = await ports(12, 30_000, only.length > 0);
      return { section: portsSection(rows), found: { ports: rows } };
    },
  },
  { name: 'podman', run: async () => ({ section: podmanSection(await podman(9, 60_000)) }) },
  {
    name: 'datapath',
    async run() {
      const rows = await datapath(2);
      return { section: datapathSection(rows), found: { datapath: rows } };
    },
  },
  {
    name: 'bandwidth',
    async run() {
      const figures = await bandwidth(2, 20, 20_000);
      return {
        section: bandwidthSection(figures),
        ...(figures === undefined ? {} : { found: { bandwidth: figures } }),
      };
    },
  },
  { name: 'cold', run: async () => ({ section: coldSection(await cold(8)) }) },
];

const STOP_AFTER_SECONDS = 9 * 60;

async function whole(only: readonly string[]): Promise<void> {
  const sections: Section[] = [];
  let found: Findings = {};
  mkdirSync(RESULTS, { recursive: true });
  for (const [at, part] of PARTS.entries()) {
    if (only.length > 0 && !only.includes(part.name)) continue;
    if (secondsSinceStart() > STOP_AFTER_SECONDS) {
      sections.push({ title: part.name, about: 'Left out: the ten minutes were over.', tables: [] });
      continue;
    }
    progress(`part ${at + 1} of ${PARTS.length}: ${part.name}`);
    const answer = await part.run(only).catch((error: unknown): Answer => {
      // What the other parts found is worth as much without this one.
      progress(`part ${part.name} broke off: ${String(error)}`);
      return { section: { title: part.name, about: `Broke off: ${String(error).slice(0, 300)}`, tables: [] } };
    });
    sections.push(answer.section);
    found = { ...found, ...answer.found };
    for (const [name, svg] of Object.entries(answer.pictures ?? {})) writeFileSync(join(RESULTS, name), svg);
  }
  const machine = [
    ...describeMachine(),
    `${new Date().toISOString().slice(0, 10)}, ${Math.round(secondsSinceStart())} s`,
  ];
  const report = renderReport(machine, targetsOf(found).map(targetLine), sections);
  const file = only.length === 0 ? 'results.md' : `results-${only.join('-')}.md`;
  writeFileSync(join(RESULTS, file), report);
  process.stdout.write(report);
  progress(`written: e2e/bench/results/${file}`);
}

async function main(): Promise<void> {
  if (!existsSync(join(FLATNET.cniPath, FLATNET.main))) throw new Error(`no executables in ${FLATNET.cniPath}`);
  isolateState();
  if (process.argv.includes('--short')) return short();
  const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);
  return whole(only === undefined ? [] : only.split(','));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
