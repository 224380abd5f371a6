/** Many at once, which takes a machine to itself: `npm run test:system`. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { network, openHost, type Host } from '../process/host.ts';

let host: Host;
beforeAll(async () => {
  host = await openHost();
}, 60_000);
afterAll(() => host?.sandbox.close());

/** A command that gets no processor within its 30 seconds says so with code 11 and has undone itself; a runtime tries again, and so does this. */
const ok = async (verb: string, id: string, n: number, tries = 5): Promise<Record<string, unknown>> => {
  const answer = await host.call(verb, id, network(host, n));
  if (answer.json?.['code'] === 11 && tries > 1) return ok(verb, id, n, tries - 1);
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer.json ?? {};
};
const firstAddress = (result: Record<string, unknown>): string => (result['ips'] as { address: string }[])[0]!.address;

it('100 ADDs at once over 3 networks without a bridge, then 100 DELs at once', async () => {
  const ids = Array.from({ length: 100 }, (_, index) => `p${index}`);
  for (const id of ids) await host.sandbox.must('ip', ['netns', 'add', id]);
  const results = await Promise.all(ids.map((id, index) => ok('ADD', id, 11 + (index % 3))));
  expect(new Set(results.map((result) => firstAddress(result))).size).toBe(100);
  const bridges = JSON.parse(await host.sandbox.must('ip', ['-j', 'address', 'show', 'dev', 'fl-net11'])) as {
    addr_info: { scope: string }[];
  }[];
  expect(bridges[0]?.addr_info.filter(({ scope }) => scope === 'global')).toHaveLength(2);
  await Promise.all(ids.map((id, index) => ok('DEL', id, 11 + (index % 3))));
  for (const id of ids) await host.sandbox.deleteNetns(id);
  expect(await host.remains()).toEqual([]);
}, 300_000);
