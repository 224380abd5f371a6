import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaRun } from '@flatnet/exec/execa';
import { FakeKernel } from '@flatnet/kernel/testing';
import { onTestFinished } from 'vitest';
import { FakeHost } from '@flatnet/dns/testing';
import { PolicyFolder } from '@flatnet/policy';
import { type Wire, openRecords } from '@flatnet/shaping';
import { runCli } from '../src/cli.ts';

const refused = (): never => {
  throw new Error('a unit test asks no kernel');
};
/** There is no limit in these worlds. */
const refuseWire: Wire = {
  host: { request: refused, find: () => undefined, dump: () => [] },
  nft: { commit: refused, attempt: refused, find: () => undefined, dump: () => [] },
  inside: refused,
};

/**
 * A directory of its own, which goes with the test, and a command line that reads and writes there.
 *
 * @param kernel has no route and no link unless the test makes some.
 */
export function fakeWorld(
  cniPath = '/nonexistent',
  kernel = new FakeKernel(),
  isRoot = true,
  hasDnsmasq = true,
  wire = refuseWire,
) {
  const root = mkdtempSync(join(tmpdir(), 'flatnetctl-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const places = { netDir: join(root, 'net.d'), cacheDir: join(root, 'cache') };
  return {
    root,
    ...places,
    /** Runs one command line. */
    async ctl(...args: string[]) {
      const said = { out: '', err: '' };
      const code = await runCli(args, {
        run: execaRun,
        kernel: { ...kernel, run: execaRun, inNetns: (netns, work) => kernel.inNetns(netns, work) },
        shaping: () => ({ wire, records: openRecords(join(root, 'shaping')) }),
        names: {
          open: () => ({ ...new FakeHost(join(root, 'dns')).world, kernel }),
          dnsmasq: () => (hasDnsmasq ? '/usr/sbin/dnsmasq' : undefined),
        },
        policies: { open: () => ({ kernel, sys: refused, folder: new PolicyFolder(join(root, 'policy'), 'boot.1') }) },
        env: {
          PATH: process.env['PATH'],
          NETCONFPATH: places.netDir,
          CNI_CACHE_DIR: places.cacheDir,
          CNI_PATH: cniPath,
        },
        out: (text) => (said.out += text),
        isRead: () => true,
        err: (text) => (said.err += text),
        colour: false,
        stdin: () => '',
        now: () => new Date('2026-01-02T03:04:05Z'),
        isRoot,
      });
      return { code, ...said };
    },
  };
}
