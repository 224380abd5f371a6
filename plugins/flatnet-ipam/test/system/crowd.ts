import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { EXECUTABLE, type Bench, type Ending } from '../process/plugin-process.ts';

/** Starts one process per container in the background and waits for all. No pipe: every answer is a file. */
const SCRIPT = `
for id in $IDS; do
  (CNI_CONTAINERID=$id "$PLUGIN" <"$OUT/stdin.\${id%%-*}" >"$OUT/$id.json" 2>/dev/null; echo $? >"$OUT/$id.code") &
done
wait`;

/**
 * Runs a verb for all containers at once. A container's id is \`<network>-<number>\`.
 *
 * A command that gets no processor within its 30 seconds says so with code 11 and has undone itself; a runtime tries again, and so does
 * this. Any other failure is the caller's to judge.
 */
export const atOnce = (
  bench: Bench,
  verb: string,
  ids: readonly string[],
  tries = 5,
): ReadonlyMap<string, Ending['json']> => {
  const out = join(bench.folder, 'crowd');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  for (const name of new Set(ids.map(networkOf))) {
    writeFileSync(join(out, `stdin.${name}`), bench.stdin({ config: { name } }));
  }
  const env = { ...bench.env(verb), PLUGIN: EXECUTABLE, OUT: out, IDS: ids.join(' ') };
  const { status, stderr } = spawnSync('sh', ['-c', SCRIPT], { env, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const answers = new Map(ids.map((id) => [id, answerOf(out, id)]));
  const starved = ids.filter((id) => answers.get(id)?.msg?.startsWith('not finished within') && tries > 0);
  if (starved.length === 0) return answers;
  return new Map([...answers, ...atOnce(bench, verb, starved, tries - 1)]);
};

const networkOf = (id: string): string => id.slice(0, id.indexOf('-'));

const answerOf = (out: string, id: string): Ending['json'] => {
  const text = readFileSync(join(out, `${id}.json`), 'utf8');
  const json = text === '' ? {} : (JSON.parse(text) as Ending['json']);
  expect(readFileSync(join(out, `${id}.code`), 'utf8').trim(), `${id}: ${text}`).toBe(
    json.code === undefined ? '0' : '1',
  );
  return json;
};

export const idsOf = (network: string, count: number): string[] =>
  Array.from({ length: count }, (_, number) => `${network}-${number}`);

/** So many ADDs at once in each network, then as many DELs: every one answered, addresses distinct, nothing left. */
export const round = (bench: Bench, networks: readonly string[], count: number): void => {
  const ids = networks.flatMap((network) => idsOf(network, count));
  const answers = atOnce(bench, 'ADD', ids);
  for (const network of networks) {
    const given = [...answers]
      .filter(([id]) => networkOf(id) === network)
      .map(([id, { ips, ...rest }]) => {
        expect(ips, `${id}: ${JSON.stringify(rest)}`).toHaveLength(1);
        return ips![0]!.address;
      });
    expect(new Set(given).size).toBe(count);
    expect(bench.leases(network)).toHaveLength(count);
  }
  for (const [id, answer] of atOnce(bench, 'DEL', ids)) expect(answer, id).toEqual({});
  for (const network of networks) expect(bench.leases(network)).toEqual([]);
};
