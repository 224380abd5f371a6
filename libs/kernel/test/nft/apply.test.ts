import { ToolError, type RunResult } from '@flatnet/exec';
import { describe, expect, it } from 'vitest';
import { listByProgram } from '../../src/nft/by-program.ts';
import { add, applyNft, listNft, type Nft, table } from '../../src/nft/index.ts';

const AT = { family: 'inet', table: 't' } as const;

/** Refuses the first transactions with these kinds. */
const refusing = (...kinds: ToolError['kind'][]) => {
  const sent: unknown[] = [];
  const nft: Nft = {
    apply: async (commands) => {
      sent.push(commands);
      const kind = kinds.shift();
      if (kind !== undefined) throw new ToolError('nft', kind, 'do it', kind);
    },
    list: async () => undefined,
    countUses: async () => [],
    listChains: async () => [],
  };
  return { nft, sent };
};

describe('applyNft', () => {
  it('repeats the whole transaction while the kernel is busy, five times at most', async () => {
    const patient = refusing('busy', 'busy');
    await applyNft(patient.nft, [add(table(AT))]);
    expect(patient.sent).toEqual(Array(3).fill([add(table(AT))]));
    const tired = refusing(...Array<'busy'>(9).fill('busy'));
    await expect(applyNft(tired.nft, [add(table(AT))])).rejects.toMatchObject({ kind: 'busy' });
    expect(tired.sent).toHaveLength(6);
  });

  it('repeats nothing else, and no guess', async () => {
    for (const kind of ['exists', 'not-found', 'failed', 'aborted'] as const) {
      const { nft, sent } = refusing(kind);
      await expect(applyNft(nft, [add(table(AT))])).rejects.toMatchObject({ tool: 'nft', kind });
      expect(sent).toHaveLength(1);
    }
    const guess = refusing('busy');
    await expect(applyNft(guess.nft, [add(table(AT))], { isGuess: true })).rejects.toMatchObject({ kind: 'busy' });
  });

  it('asks nothing where there is nothing to do', async () => {
    const { nft, sent } = refusing('failed');
    await applyNft(nft, []);
    expect(sent).toEqual([]);
  });
});

describe('listNft', () => {
  it('repeats a listing that others changed under way, five times at most', async () => {
    const busy = (times: number): Nft => ({
      ...refusing().nft,
      list: async () => {
        if ((times -= 1) >= 0) throw new ToolError('nft', 'busy', 'list it', 'the ruleset changed');
        return [];
      },
    });
    expect(await listNft(busy(5), AT)).toEqual([]);
    await expect(listNft(busy(6), AT)).rejects.toMatchObject({ kind: 'busy' });
  });
});

describe('a listing by the program', () => {
  const answer = (more: Partial<RunResult>): RunResult => ({
    ...{ exitCode: 0, stdout: '', stderr: '', ending: 'exit' },
    ...more,
  });
  const by = (more: Partial<RunResult>) => listByProgram(() => Promise.resolve(answer(more)), AT, {});

  it('is undefined for what does not exist', async () => {
    expect(await by({ exitCode: 1, stderr: 'Error: No such file or directory' })).toBeUndefined();
    expect(await by({ stdout: '{"nftables":[{"table":{}}]}' })).toEqual([{ table: {} }]);
  });

  it.each<[Partial<RunResult>, string]>([
    [{ exitCode: 1, stderr: 'Error: syntax error' }, 'failed'],
    [{ exitCode: null, ending: 'timeout' }, 'timeout'],
    [{ stdout: '{}' }, 'failed'],
  ])('tells what %j is', async (more, kind) => {
    await expect(by(more)).rejects.toMatchObject({ tool: 'nft', kind });
  });
});
