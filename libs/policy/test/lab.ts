import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { runSync, type Run } from '@flatnet/exec';
import { nftIn } from '@flatnet/kernel/testing-netns';
import { FakeKernel } from '@flatnet/kernel/testing';
import { openNodeSys } from '@flatnet/sys/node';
import { PolicyFolder, type World } from '../src/index.ts';

const sys = openNodeSys();
let count = 0;

/** nf_tables of the kernel in a namespace of its own, links of the fake. Needs root. */
export interface Lab {
  readonly world: World;
  readonly kernel: FakeKernel;
  /** nft in the namespace; answers what it prints. */
  nft(...words: string[]): string;
  close(): void;
}

export function openLab(): Lab {
  const netns = `policy-${process.pid}-${(count += 1)}`;
  const folder = mkdtempSync(join(tmpdir(), 'policy-'));
  execFileSync('ip', ['netns', 'add', netns]);
  const inside: Run = (file, args, options) => runSync('ip', ['netns', 'exec', netns, file, ...args], options);
  const nft = nftIn(`/run/netns/${netns}`, inside);
  const kernel = new FakeKernel();
  const { rtnetlink, proc, conntrack } = kernel;
  return {
    kernel,
    world: {
      kernel: { rtnetlink, proc, conntrack, inNetns: kernel.inNetns.bind(kernel), nft, run: inside },
      sys: () => sys,
      folder: new PolicyFolder(join(folder, 'state'), `00000000-0000-0000-0000-000000000000.1`),
    },
    nft(...words) {
      const result = spawnSync('ip', ['netns', 'exec', netns, 'nft', ...words], { encoding: 'utf8' });
      if (result.status !== 0) throw new Error(result.stderr);
      return result.stdout.trim();
    },
    close() {
      nft.close();
      execFileSync('ip', ['netns', 'delete', netns]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
