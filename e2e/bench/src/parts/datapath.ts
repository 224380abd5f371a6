import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { figure, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, NETAVARK, REFERENCE } from '../peers.ts';
import { median } from '../sample.ts';
import { makeNetns, ROOT, Sandbox, tool } from '../sandbox.ts';
import { cniSide, CniSide } from '../sides/cni.ts';
import { NetavarkSide } from '../sides/netavark.ts';
import { container, type PortMapping, type Side } from '../sides/side.ts';
import { findTool } from '../versions.ts';
import { PortCrowd } from './port-crowd.ts';

/** What one path of one side carries. */
export interface PathFigures {
  readonly side: string;
  readonly path: string;
  /** TCP, one stream, Gbit/s; NaN without iperf3. */
  readonly gigabits: number;
  readonly perSecond: number;
  readonly latencyUs: number;
}

export interface Path {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly host: string;
  readonly iperfPort: number;
  readonly loadPort: number;
}

const PUBLISHED = 'published port';
const OTHERS = 10_000;
const LOAD = join(ROOT, 'dist/bench/load.mjs');
const tcp = (hostPort: number, containerPort: number): PortMapping => ({ hostPort, containerPort, protocol: 'tcp' });

/** Two containers per side, and a machine outside that reaches the host over a veth of its own. */
export async function datapath(rounds: number): Promise<readonly PathFigures[]> {
  const sides: readonly Side[] = [
    cniSide(FLATNET, new Sandbox('path-flatnet'), { full: true }),
    ...(REFERENCE ? [cniSide(REFERENCE, new Sandbox('path-reference'), { full: true })] : []),
    ...(NETAVARK ? [new NetavarkSide(new Sandbox('path-netavark'), NETAVARK)] : []),
  ];
  const paths = new Map<Side, readonly Path[]>();
  for (const side of sides) paths.set(side, await prepare(side));
  const found = [...(await inRounds(rounds, paths)), ...(await crowded(rounds, paths))];
  sides.forEach((side) => side.sandbox.stop());
  return found;
}

/** The published port once more, after other containers have published many. */
async function crowded(rounds: number, all: ReadonlyMap<Side, readonly Path[]>): Promise<readonly PathFigures[]> {
  const paths = new Map<Side, readonly Path[]>();
  makeNetns(['path-others']);
  for (const maker of [FLATNET, REFERENCE]) {
    const side = [...all.keys()].find(({ name }) => name === maker?.name);
    if (maker === undefined || !(side instanceof CniSide)) continue;
    progress(`data path: ${OTHERS} other ports, ${side.name}`);
    await new PortCrowd(maker, side.name, 'path-others', side).growTo(OTHERS);
    const path = all.get(side)!.find(({ name }) => name === PUBLISHED)!;
    paths.set(side, [{ ...path, name: `${PUBLISHED}, ${OTHERS} others` }]);
  }
  return inRounds(rounds, paths);
}

/** Every path of every side in turn, medians. */
async function inRounds(rounds: number, paths: ReadonlyMap<Side, readonly Path[]>): Promise<readonly PathFigures[]> {
  const found = new Map<string, PathFigures[]>();
  const sides = [...paths.keys()];
  for (let round = 0; round < rounds; round++) {
    for (const at of paths.get(sides[0]!)!.keys()) {
      for (const side of sides) {
        const path = paths.get(side)![at]!;
        progress(`data path: ${path.name}, ${side.name}`);
        const figures = { side: side.name, path: path.name, gigabits: throughput(path), ...(await load(path)) };
        const key = `${path.name} ${side.name}`;
        found.set(key, [...(found.get(key) ?? []), figures]);
      }
    }
  }
  return [...found.values()].map((all) => ({
    ...all[0]!,
    gigabits: median(all.map(({ gigabits }) => gigabits)),
    perSecond: median(all.map(({ perSecond }) => perSecond)),
    latencyUs: median(all.map(({ latencyUs }) => latencyUs)),
  }));
}

export async function prepare(side: Side): Promise<readonly Path[]> {
  const host = side.sandbox.name;
  const [client, server, outside] = [`${host}-c`, `${host}-s`, `${host}-o`];
  makeNetns([client, server, outside]);
  await side.attach(container(client, 2));
  const published = container(server, 3, [tcp(8201, 5201), tcp(8700, 7000)]);
  await side.attach(published);
  side.sandbox.tool('ip', ['link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside]);
  side.sandbox.tool('ip', ['-batch', '-'], 'addr add 192.0.2.1/24 dev uplink\nlink set uplink up\n');
  tool('ip', ['-n', outside, '-batch', '-'], 'addr add 192.0.2.2/24 dev eth0\nlink set eth0 up\nlink set lo up\n');
  const direct = { iperfPort: 5201, loadPort: 7000 };
  return [
    { name: 'container to container', from: client, to: server, host: side.addressOf(published), ...direct },
    { name: PUBLISHED, from: outside, to: server, host: '192.0.2.1', iperfPort: 8201, loadPort: 8700 },
    { name: 'masqueraded', from: client, to: outside, host: '192.0.2.2', ...direct },
  ];
}

/** Starts a server in a namespace and waits for its first words. */
function serve(netns: string, words: readonly string[]): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn('ip', ['netns', 'exec', netns, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout!.once('data', () => resolve(child));
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${words.join(' ')} ended at once`)));
  });
}

function throughput({ from, to, host, iperfPort }: Path): number {
  if (findTool('iperf3') === undefined) return NaN;
  tool('ip', ['netns', 'exec', to, 'iperf3', '-s', '-1', '-D', '-p', '5201']);
  for (let attempt = 0; ; attempt++) {
    try {
      const words = ['iperf3', '-c', host, '-p', String(iperfPort), '-t', '2', '-J', '--connect-timeout', '2000'];
      const report = JSON.parse(tool('ip', ['netns', 'exec', from, ...words])) as {
        end: { sum_received: { bits_per_second: number } };
      };
      return report.end.sum_received.bits_per_second / 1e9;
    } catch (error) {
      // The server has put itself into the background before it listens.
      if (attempt >= 5) throw error;
    }
  }
}

export async function load({ from, to, host, loadPort }: Path): Promise<{ perSecond: number; latencyUs: number }> {
  const server = await serve(to, [process.execPath, LOAD, 'server', '7000']);
  try {
    const words = [process.execPath, LOAD, 'client', host, String(loadPort)];
    return JSON.parse(tool('ip', ['netns', 'exec', from, ...words])) as { perSecond: number; latencyUs: number };
  } finally {
    server.kill();
  }
}

export const datapathSection = (rows: readonly PathFigures[]): Section => ({
  title: 'Data path',
  about: 'One TCP stream (iperf3), connections opened and closed per second, and the round trip of one byte.',
  tables: [
    {
      head: ['', 'side', 'Gbit/s', 'connections/s', 'round trip, µs', 'flatnet is (Gbit/s, conn/s, round trip)'],
      rows: rows.map((row) => {
        const own = rows.find(({ side, path }) => side === 'flatnet' && path === row.path)!;
        const against = [
          ratio(own.gigabits, row.gigabits),
          ratio(own.perSecond, row.perSecond),
          ratio(own.latencyUs, row.latencyUs),
        ];
        const figures = [row.gigabits, row.perSecond, row.latencyUs].map(figure);
        return [row.path, row.side, ...figures, row === own ? '' : against.join(', ')];
      }),
    },
  ],
});
