// Published ports when the plugin is killed at any message to the kernel and at any file it changes, and when a runtime sends anything.
import { join } from 'node:path';
import { fileChangesOf, type Json, killBefore, killingMessages } from '@flatnet/testing';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
/** The UDP port has flows to forget. */
const MINE = [WEB, { ...WEB, hostPort: 8081, hostIP: '192.0.2.1' }, { ...WEB, protocol: 'udp' }];
const EXTRA = { extra: { allowFrom: '192.0.2.0/24' } };
const STATE = '/run/flatnet/hostport';
const files = async (): Promise<string> =>
  (await host.sandbox.run('find', [STATE, '-type', 'f', '!', '-path', '*/localnet/*'])).stdout
    .split('\n')
    .sort()
    .join('\n');
/** They serve and ask as long as the sandbox lives. */
const AGENTS = ['node', 'MainThread'];
const ruleset = () => host.sandbox.must('nft', ['list', 'ruleset']);

/** A host that tracks no flow is not asked for any. */
const FLOW = 'tcp 192.0.2.1 8088';

describe('killed', { timeout: 300_000 }, () => {
  let before: readonly [string, string];
  /** A neighbour with the same chains, whose ports must not move. */
  beforeEach(async () => {
    await lab.ok('ADD', 'c3', [{ ...WEB, hostPort: 8088 }], EXTRA);
    before = [await ruleset(), await files()];
  });
  afterEach(async () => {
    expect(await lab.who('out', FLOW)).toEqual(['c3']);
    await lab.ok('DEL', 'c3', []);
  });

  const prepare = async (verb: string): Promise<void> => {
    if (verb === 'DEL') await lab.ok('ADD', 'c2', MINE, EXTRA);
    await lab.who('out', FLOW);
  };
  const expectTakenBack = async (where: string): Promise<void> => {
    await lab.ok('DEL', 'c2', MINE, EXTRA);
    expect([await ruleset(), await files()], where).toEqual(before);
  };

  const MOMENTS = ['ADD', 'DEL'].flatMap((verb) =>
    (['before', 'after'] as const).map((moment) => [verb, moment] as const),
  );
  it.each(MOMENTS)(
    "%s, %s each message to the kernel, leaves what the runtime's DEL takes back",
    async (verb, moment) => {
      for (let k = 1; ; k++) {
        await prepare(verb);
        const { exitCode } = await lab.under(killingMessages(k, moment), verb, 'c2', MINE, EXTRA);
        await host.sandbox.idle(AGENTS);
        await expectTakenBack(`message ${k}`);
        if (exitCode !== 0) continue;
        expect(k).toBeGreaterThan(2);
        break;
      }
    },
  );

  it.each(['ADD', 'DEL'])(
    "%s, before each change of a file, leaves what the runtime's DEL takes back",
    async (verb) => {
      const traced = {
        traceFile: join(host.sandbox.folder, 'trace'),
        folders: [STATE],
        prepare: async () => {
          await lab.ok('DEL', 'c2', MINE, EXTRA);
          await prepare(verb);
        },
        run: (strace: readonly string[]) => lab.under(strace, verb, 'c2', MINE, EXTRA),
      };
      const changes = await fileChangesOf(traced);
      expect(changes.map(({ syscall }) => syscall)).toEqual(
        expect.arrayContaining(verb === 'ADD' ? ['mkdir', 'openat', 'write', 'rename'] : ['unlink', 'rmdir']),
      );
      for (const change of changes) {
        await killBefore(change, traced);
        await host.sandbox.idle(AGENTS);
        await expectTakenBack(change.meaning);
      }
    },
  );
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
    await host.sandbox.must('nft', ['delete', 'table', 'ip', 'somebody']);
  });
});
