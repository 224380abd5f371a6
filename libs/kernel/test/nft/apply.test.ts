import { describe, expect, it } from 'vitest';
import type { Run, RunResult } from '@flatnet/exec';
import { readFileSync } from 'node:fs';
import { add, applyNft, elements, ensureNft, listNft, table } from '../../src/nft/index.ts';

const AT = { family: 'inet', table: 't' } as const;
const answer = (stderr = '', stdout = ''): RunResult => ({
  exitCode: stderr === '' ? 0 : 1,
  stdout,
  stderr,
  ending: 'exit',
});

const scripted = (...answers: RunResult[]) => {
  const calls: (readonly string[])[] = [];
  const run: Run = (_file, args) => {
    calls.push(args);
    return Promise.resolve(answers.shift() ?? answer());
  };
  return { run, calls };
};

describe('applyNft', () => {
  it('hands a transaction over as arguments that nft joins to one JSON text', async () => {
    const { run, calls } = scripted();
    await applyNft(run, [add(table(AT)), add(elements(AT, 's', [1, 2]))]);
    expect(calls[0]?.[0]).toBe('-j');
    expect(JSON.parse(calls[0]?.slice(1).join(' ') ?? '')).toEqual({
      nftables: [
        { add: { table: { family: 'inet', name: 't' } } },
        { add: { element: { ...AT, name: 's', elem: [1, 2] } } },
      ],
    });
  });

  it('splits a long transaction between commands, below the limit of one argument', async () => {
    const { run, calls } = scripted();
    const commands = Array.from({ length: 50 }, (_, i) =>
      add(
        elements(
          AT,
          's',
          Array.from({ length: 500 }, (_x, j) => i * 1e6 + j),
        ),
      ),
    );
    await applyNft(run, commands);
    const args = calls[0]?.slice(1) ?? [];
    expect(args.length).toBeGreaterThan(1);
    expect(Math.max(...args.map((arg) => arg.length))).toBeLessThan(128 << 10);
    expect(JSON.parse(args.join(' '))).toEqual({ nftables: commands });
  });

  it('uses a private file for what does not fit into arguments, and removes it', async () => {
    let seen = '';
    let file = '';
    const run: Run = (_nft, args) => {
      file = args[2] ?? '';
      seen = readFileSync(file, 'utf8');
      return Promise.resolve(answer());
    };
    const commands = [
      add(
        elements(
          AT,
          's',
          Array.from({ length: 30_000 }, (_, i) => `10.0.0.${i}`),
        ),
      ),
    ];
    await applyNft(run, commands);
    expect(JSON.parse(seen)).toEqual({ nftables: commands });
    expect(() => readFileSync(file)).toThrow();
  });

  it('repeats the whole transaction while nft is busy, five times at most', async () => {
    const busy = answer('Error: Could not process rule: Device or resource busy');
    const patient = scripted(busy, busy, answer());
    await applyNft(patient.run, [add(table(AT))]);
    expect(patient.calls).toHaveLength(3);
    const tired = scripted(...Array.from({ length: 9 }, () => busy));
    await expect(applyNft(tired.run, [add(table(AT))])).rejects.toMatchObject({ kind: 'busy' });
    expect(tired.calls).toHaveLength(6);
  });

  it.each([
    ['Error: Could not process rule: No such file or directory', 'not-found'],
    ['Error: Could not process rule: File exists', 'exists'],
    ['Error: syntax error', 'failed'],
  ])('classifies %s', async (stderr, kind) => {
    const { run } = scripted(answer(stderr));
    await expect(applyNft(run, [add(table(AT))])).rejects.toMatchObject({ tool: 'nft', kind });
  });
});

describe('ensureNft', () => {
  it('builds everything only when the quick form finds something missing', async () => {
    const missing = scripted(answer('No such file or directory'));
    await ensureNft(missing.run, [add(table(AT))], () => [add(table(AT)), add(table(AT))]);
    expect(missing.calls).toHaveLength(2);
    const there = scripted(answer());
    await ensureNft(there.run, [add(table(AT))], () => []);
    expect(there.calls).toHaveLength(1);
  });
});

describe('listNft', () => {
  it('answers undefined for what does not exist', async () => {
    const { run } = scripted(answer('Error: No such file or directory'));
    expect(await listNft(run, AT)).toBeUndefined();
  });
});
