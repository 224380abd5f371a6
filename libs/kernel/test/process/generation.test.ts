import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withNetns } from '@flatnet/sys';
import { openNodeSys } from '@flatnet/sys/node';
import { expect, it, onTestFinished } from 'vitest';
import { adoptedGeneration, currentGeneration } from '../../src/state.ts';

const sys = openNodeSys();
const NAME = `generation-${process.pid}`;
const ROUNDS = 200;

/** Makes a namespace, asks in it, and deletes it. */
function inNew<T>(ask: () => T): { inode: number; answer: T } {
  execFileSync('ip', ['netns', 'add', NAME]);
  try {
    const path = `/run/netns/${NAME}`;
    return { inode: statSync(path).ino, answer: withNetns(sys, path, ask as () => never) };
  } finally {
    spawnSync('ip', ['netns', 'delete', NAME]);
  }
}

it('a namespace that got the inode number of a deleted one has another generation', () => {
  const seen = new Map<number, string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const { inode, answer } = inNew(currentGeneration);
    const former = seen.get(inode);
    if (former !== undefined) return expect(answer).not.toBe(former);
    seen.set(inode, answer);
  }
  throw new Error('no inode number was used again');
});

it('is the same each time, and takes over the folder that was named by the inode', () => {
  const folder = mkdtempSync(join(tmpdir(), 'generation-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const generation = currentGeneration();
  expect(currentGeneration()).toBe(generation);
  const [boot] = generation.split('.');
  const inode = /\d+/.exec(readlinkSync('/proc/self/ns/net'))![0];
  mkdirSync(join(folder, `${boot}.${inode}`, 'records'), { recursive: true });
  for (let times = 0; times < 2; times += 1) {
    expect(adoptedGeneration(folder)).toBe(generation);
    expect(readdirSync(folder)).toEqual([generation]);
  }
  expect(readdirSync(join(folder, generation))).toEqual(['records']);
});
