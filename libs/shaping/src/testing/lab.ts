import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNodeSys } from '@flatnet/sys/node';
import {
  type Limits,
  openRecords,
  openWire,
  type Owner,
  type ShapeRecord,
  type ShapeRecords,
  type Wire,
} from '../index.ts';

const sys = openNodeSys();
let count = 0;

/** A host and a container, joined by a veth: `h0` here, `eth0` there. Needs root. */
export interface Lab {
  readonly wire: Wire;
  readonly records: ShapeRecords;
  readonly netns: string;
  /** Runs a program on the host; answers what it prints. */
  run(line: string): string;
  json(line: string): readonly Record<string, unknown>[];
  addContainer(): void;
  close(): void;
}

export function openLab(): Lab {
  const host = `shape-${process.pid}-${(count += 1)}`;
  const container = `${host}-c`;
  const folder = mkdtempSync(join(tmpdir(), 'shape-'));
  for (const name of [host, container]) execFileSync('ip', ['netns', 'add', name]);
  const run = (line: string): string => {
    const result = spawnSync('ip', ['netns', 'exec', host, ...line.split(' ')], { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`${line}: ${result.stderr}`);
    return result.stdout;
  };
  const addContainer = (): void => {
    run(`ip link add h0 type veth peer name eth0 netns ${container}`);
    run('ip link set h0 up');
  };
  addContainer();
  return {
    wire: openWire(() => sys, `/run/netns/${host}`),
    records: openRecords(folder),
    netns: `/run/netns/${container}`,
    run,
    json: (line) => JSON.parse(run(line) || '[]') as readonly Record<string, unknown>[],
    addContainer,
    close() {
      for (const name of [host, container]) spawnSync('ip', ['netns', 'delete', name]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const ownerNamed = (containerId: string, digit = '1'): Owner => ({
  network: 'net',
  containerId,
  ifName: 'eth0',
  networkHash: 'a'.repeat(12),
  hash: digit.repeat(24),
});

export const recordOf = (lab: Lab, limits: Limits, owner = ownerNamed('web')): ShapeRecord => ({
  version: 1,
  owner,
  limits,
  named: ['h0'],
  netns: lab.netns,
  hostIndex: lab.json('ip -j link show h0')[0]?.['ifindex'] as number,
});
