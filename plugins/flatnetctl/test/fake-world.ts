import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run } from '@flatnet/exec';
import { execaRun } from '@flatnet/exec/execa';
import { onTestFinished } from 'vitest';
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
 * @param ip answers what `ip` prints; default: there is nothing, no route and no link.
 */
export function fakeWorld(cniPath = '/nonexistent', ip: (line: string) => string = () => '[]', isRoot = true) {
  const root = mkdtempSync(join(tmpdir(), 'flatnetctl-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const places = { netDir: join(root, 'net.d'), cacheDir: join(root, 'cache') };
  const fakeIp: Run = (file, args, options) =>
    file === 'ip'
      ? Promise.resolve({ exitCode: 0, stdout: ip(args.join(' ')), stderr: '', ending: 'exit' })
      : execaRun(file, args, options);
  return {
    root,
    ...places,
    /** Runs one command line. */
    async ctl(...args: string[]) {
      const said = { out: '', err: '' };
      const code = await runCli(args, {
        run: fakeIp,
        shaping: () => ({ wire: refuseWire, records: openRecords(join(root, 'shaping')) }),
        env: {
          PATH: process.env['PATH'],
          NETCONFPATH: places.netDir,
          CNI_CACHE_DIR: places.cacheDir,
          CNI_PATH: cniPath,
        },
        out: (text) => (said.out += text),
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
