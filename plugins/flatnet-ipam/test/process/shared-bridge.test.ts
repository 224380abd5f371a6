import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, EXECUTABLE, type Call } from './plugin-process.ts';

// Two networks whose default files both say the bridge cni0 and one subnet, as those of two runtimes on one host do.

const FORTY = { subnet: '10.88.0.0/24', rangeStart: '10.88.0.2', rangeEnd: '10.88.0.41' };
const NETWORKS = ['podman', 'kubernetes'];
const on = (network: string, id: string): Call => ({ id, config: { name: network, type: 'bridge' } });

let bench: Bench;
beforeEach(() => {
  bench = new Bench(FORTY);
});
afterEach(() => bench.remove());

const addAtOnce = async (call: Call): Promise<string> => {
  const child = spawn(EXECUTABLE, { env: bench.env('ADD', call), stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(bench.stdin(call));
  const answer = JSON.parse(await text(child.stdout)) as { ips?: { address: string }[] };
  return answer.ips?.[0]?.address ?? JSON.stringify(answer);
};

test('40 ADDs at once on two networks of one bridge get 40 addresses, and no ADD gets one more', async () => {
  const calls = Array.from({ length: 40 }, (_, index) => on(NETWORKS[index % 2] ?? '', `c${index}`));
  const addresses = await Promise.all(calls.map(addAtOnce));
  expect(addresses.sort()).toEqual(Array.from({ length: 40 }, (_, index) => `10.88.0.${index + 2}/24`).sort());
  for (const network of NETWORKS) expect(bench.leases(network)).toHaveLength(20);
  expect(bench.names('ip', '=cni0')).toHaveLength(40);

  const wanted = bench.run('ADD', { ...on('podman', 'late'), args: 'IP=10.88.0.2' });
  expect(wanted.json).toMatchObject({
    code: 100,
    details: expect.stringMatching(/network (podman|kubernetes)/) as string,
  });
  for (const network of NETWORKS) expect(bench.run('ADD', on(network, 'late')).json.code).toBe(101);
  expect(bench.run('STATUS', on('podman', '')).json.code).toBe(50);

  expect(bench.run('DEL', calls[0]).status).toBe(0);
  expect(bench.names('ip', '=cni0')).toHaveLength(39);
  for (const network of NETWORKS) {
    const none = { config: { name: network, type: 'bridge', 'cni.dev/valid-attachments': [] } };
    expect(bench.run('GC', none).status).toBe(0);
  }
  for (const network of [...NETWORKS, '=cni0']) expect(bench.names('ip', network)).toEqual([]);
}, 60_000);
