// Published ports when the plugin is killed anywhere, and when a runtime sends anything.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '@flatnet/testing';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { type Lab, openLab } from './ports-lab.ts';

const host = useSandbox();
let lab: Lab;
beforeAll(async () => void (lab = await openLab(host.sandbox)), 240_000);

// Also after a failed test, so that the leak check speaks of that test only.
afterEach(async () => {
  for (const name of ['c2', 'c3', 'x2']) await lab.ok('DEL', name, []);
});

const WEB = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };
const MINE = [WEB, { ...WEB, hostPort: 8081, hostIP: '192.0.2.1' }];
const EXTRA = { extra: { allowFrom: '192.0.2.0/24' } };
const STATE = '/run/flatnet/hostport';
const files = async (): Promise<string> =>
  (await host.sandbox.run('find', [STATE, '-type', 'f', '!', '-path', '*/localnet/*'])).stdout
    .split('\n')
    .sort()
    .join('\n');
const ruleset = () => host.sandbox.must('nft', ['list', 'ruleset']);

/** System calls that change the state folder or start a program. strace counts them per name and thread. */
const CHANGES = ['execve', 'mkdir', 'rename', 'unlink', 'rmdir', 'openat', 'write'];

interface Point {
  readonly syscall: string;
  readonly when: number;
}

/** The points of one clean run at which the plugin is to be killed: before each start of a program and each change of a file. */
const pointsOf = async (verb: string): Promise<readonly Point[]> => {
  const trace = join(host.sandbox.folder, 'trace');
  const names = CHANGES.map((name) => `?${name}`).join();
  const strace = ['strace', '-f', '-qq', '-o', trace, '-e', `trace=${names}`];
  expect(await lab.under(strace, verb, 'c2', MINE, EXTRA)).toMatchObject({ exitCode: 0 });
  const counts = new Map<string, number>();
  const points: Point[] = [];
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    const [, thread = '', syscall = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (syscall === '') continue;
    const when = (counts.get(`${thread} ${syscall}`) ?? 0) + 1;
    counts.set(`${thread} ${syscall}`, when);
    const changes = line.includes(STATE) && (syscall !== 'openat' || line.includes('O_CREAT'));
    // The first execve is the plugin's own start.
    if (changes || (syscall === 'execve' && points.length > 0)) points.push({ syscall, when });
  }
  return points;
};

const killAt = ({ syscall, when }: Point): readonly string[] => [
  ...['strace', '-f', '-qq', '-o', '/dev/null'],
  ...['-e', `inject=${syscall}:signal=SIGKILL:when=${when}`],
];

describe('killed before each start of a program and each change of a file', { timeout: 300_000 }, () => {
  it.each(['ADD', 'DEL'])("%s leaves what the runtime's DEL takes back", async (verb) => {
    // A neighbour with the same chains, whose ports must not move.
    await lab.ok('ADD', 'c3', [{ ...WEB, hostPort: 8088 }], EXTRA);
    const before = [await ruleset(), await files()];
    if (verb === 'DEL') await lab.ok('ADD', 'c2', MINE, EXTRA);
    const points = await pointsOf(verb);
    await lab.ok('DEL', 'c2', MINE, EXTRA);
    expect(points.length).toBeGreaterThan(5);
    expect(points.map(({ syscall }) => syscall)).toEqual(
      expect.arrayContaining(['rename', 'mkdir'].slice(0, verb === 'ADD' ? 2 : 0)),
    );
    let killed = 0;
    for (const point of points) {
      if (verb === 'DEL') await lab.ok('ADD', 'c2', MINE, EXTRA);
      if ((await lab.under(killAt(point), verb, 'c2', MINE, EXTRA)).exitCode !== 0) killed += 1;
      await lab.ok('DEL', 'c2', MINE, EXTRA);
      expect({ point, after: [await ruleset(), await files()] }).toEqual({ point, after: before });
    }
    expect(killed).toBeGreaterThan(points.length / 2);
    expect(await lab.who('out', 'tcp 192.0.2.1 8088')).toEqual(['c3']);
    await lab.ok('DEL', 'c3', []);
  });
});

describe('whatever a runtime sends', { timeout: 300_000 }, () => {
  it('changes nothing of the rules of others, and after DEL nothing at all', async () => {
    await lab.ok('ADD', 'c3', [WEB]);
    await host.sandbox.must('nft', ['add', 'table', 'ip', 'somebody']);
    await host.sandbox.must('nft', ['add', 'chain', 'ip', 'somebody', 'rules', '{ counter accept; }']);
    const before = await ruleset();
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'tcp',
        'TCP',
        '10.0.0.1',
        '0.0.0.0',
        '::',
        '"; flush ruleset; "',
        '}; flush ruleset',
        '$(nft flush ruleset)',
        '\u0000',
        '-h',
      ),
    );
    const port = fc.oneof(fc.integer({ min: 9000, max: 9009 }), fc.integer(), text, fc.constant(null));
    const value = fc.oneof(
      text,
      fc.array(text, { maxLength: 2 }),
      fc.boolean(),
      port,
      fc.jsonValue() as fc.Arbitrary<unknown>,
    );
    const mapping = fc.record(
      { hostPort: port, containerPort: port, protocol: value, hostIP: value, range: port, allowFrom: value },
      { requiredKeys: ['hostPort', 'containerPort'] },
    );
    const extra = fc.record(
      {
        ...{ snat: value, masqAll: value, markMasqBit: value, externalSetMarkChain: value, backend: value },
        ...{ conditionsV4: value, conditionsV6: value, defaultHostIP: value, allowFrom: value, snatAddress: value },
      },
      { requiredKeys: [] },
    );
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(mapping, { maxLength: 2 }), extra, async (mappings, keys) => {
        const call = { extra: keys as Json };
        const { exitCode, json } = await lab.cni('ADD', 'c2', mappings as Json[], call);
        if (exitCode === 0) accepted += 1;
        else expect([7, 100, 6]).toContain(json?.['code']);
        await lab.ok('DEL', 'c2', mappings as Json[], call);
        expect(await ruleset()).toBe(before);
      }),
      { numRuns: 60, examples: [[[{ hostPort: 9000, containerPort: 80, protocol: 'UDP', hostIP: '192.0.2.1' }], {}]] },
    );
    expect(accepted).toBeGreaterThan(0);
    await lab.ok('DEL', 'c3', []);
  });
});
