import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run } from '@flatnet/exec';
import { onTestFinished } from 'vitest';
import { Records, type PublishRecord } from '../src/index.ts';

/** Two ports, 8080 and 8081, of an attachment whose network namespace is gone. */
export const record = (
  hash: string,
  containerId: string,
  address: string,
  allowFrom?: readonly string[],
): PublishRecord => ({
  version: 1,
  owner: { network: hash, containerId, ifName: 'eth0', networkHash: hash.repeat(12), hash: hash.repeat(24) },
  publications: [
    {
      ...{ family: 4, protocol: 'tcp', hostPort: 8080, count: 2, address, port: 80 },
      ...(allowFrom === undefined ? {} : { allowFrom }),
    },
  ],
  hairpins: [{ family: 4, address, from: '10.0.0.0/24' }],
  netns: '/proc/self/ns/none',
  netnsId: '1:1',
});
/** The same, of a container that lives as far as can be told. */
export const alive = (of: PublishRecord): PublishRecord => ({ ...of, netns: '' });

/** A fake nft: answers with the next of `answers` (stderr, or an object for stdout), then with success. */
export const fakeNft = (...answers: (string | object)[]) => {
  const sent: string[] = [];
  const run: Run = (_file, args) => {
    sent.push(args.join(' '));
    const next = answers.shift() ?? '';
    const listing = args.includes('list') ? '{"nftables":[]}' : '';
    const stdout = typeof next === 'object' ? JSON.stringify(next) : listing;
    return Promise.resolve({
      exitCode: next === '' || typeof next === 'object' ? 0 : 1,
      stdout,
      stderr: String(next),
      ending: 'exit',
    });
  };
  return { sent, run };
};
/** The map any4 as nft lists it when the record's owner has these ports. */
export const heldBy = ({ owner }: PublishRecord, ...ports: readonly number[]) => ({
  nftables: [
    {
      map: {
        name: 'any4',
        elem: ports.map((port) => [
          { elem: { val: { concat: ['tcp', port] }, comment: `flatnet ${owner.networkHash} ${owner.hash}` } },
          { concat: ['10.0.0.2', port - 8000] },
        ]),
      },
    },
  ],
});
/** In a folder that goes with the test. */
export function newRecords(): Records {
  const folder = mkdtempSync(join(tmpdir(), 'hostport-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return new Records(folder, 'boot.1');
}
