import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NftObject } from '@flatnet/kernel';
import { type NftAnswer, scriptedNft } from '@flatnet/kernel/testing';
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

/** Answers with the next of `answers`, then with success. */
export const fakeNft = (...answers: readonly NftAnswer[]) => scriptedNft((index) => answers[index] || undefined);

/** The map any4 as nft lists it when the record's owner has these ports. */
export const heldBy = ({ owner }: PublishRecord, ...ports: readonly number[]): readonly NftObject[] => [
  {
    map: {
      name: 'any4',
      elem: ports.map((port) => [
        { elem: { val: { concat: ['tcp', port] }, comment: `flatnet ${owner.networkHash} ${owner.hash}` } },
        { concat: ['10.0.0.2', port - 8000] },
      ]),
    },
  },
];
/** In a folder that goes with the test. */
export function newRecords(): Records {
  const folder = mkdtempSync(join(tmpdir(), 'hostport-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return new Records(folder, 'boot.1');
}
