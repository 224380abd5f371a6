/** Rules of a network that an attachment does not know all subnets of: `clampMSS` and masquerade among what others brought. */
import type { Run, RunResult } from '@flatnet/exec';
import { describe, expect, it } from 'vitest';
import { clampMss, ensureMasquerade, masqueradeNetwork } from '../../src/nft/index.ts';

const saddr = (right: unknown, field = 'saddr') => ({
  rule: { expr: [{ match: { op: '==', left: { payload: { protocol: 'ip', field } }, right } }] },
});
const net = (addr: string) => ({ prefix: { addr, len: 24 } });

/** An nft whose chain holds `objects`; transactions are answered in the order of `refusals`, and taken when there is none left. */
const nftWith = (objects: readonly object[], ...refusals: ('File exists' | 'No such file or directory' | '')[]) => {
  const applied: string[] = [];
  const run: Run = (_file, args) => {
    const text = args.slice(1).join(' ');
    const listing = text.includes('list');
    if (!listing) applied.push(text);
    const stderr = listing ? '' : (refusals.shift() ?? '');
    const result: RunResult = {
      exitCode: stderr === '' ? 0 : 1,
      stdout: listing ? JSON.stringify({ nftables: objects }) : '',
      stderr,
      ending: 'exit',
    };
    return Promise.resolve(result);
  };
  return { run, applied };
};

describe('clampMss', () => {
  it('adds both directions of what is missing, and flushes nothing', async () => {
    const { run, applied } = nftWith([saddr(net('10.1.0.0')), saddr(net('10.1.0.0'), 'daddr'), saddr(net('10.2.0.0'))]);
    await clampMss(run, 't', ['10.1.0.0/24', '10.2.0.0/24', '10.3.0.7/32']);
    expect(applied).toHaveLength(1);
    expect(applied[0]).not.toContain('flush');
    expect(applied[0]).not.toContain('10.1.0.0');
    for (const added of ['10.2.0.0', '10.3.0.7']) expect(applied[0]?.split(`"addr":"${added}"`)).toHaveLength(3);
  });

  it('applies nothing where all is there; nft prints a single address without its length', async () => {
    const { run, applied } = nftWith([saddr('10.3.0.7'), saddr('10.3.0.7', 'daddr')]);
    await clampMss(run, 't', ['10.3.0.7/32']);
    expect(applied).toEqual([]);
  });
});

describe('ensureMasquerade', () => {
  const wanted = { tag: 't', subnets: ['10.2.0.0/24'] };

  /** As nft lists what a transaction made. */
  const rulesOf = (subnets: readonly string[]): object[] =>
    masqueradeNetwork({ tag: 't', subnets }).flatMap(({ add }) => (add?.['rule'] === undefined ? [] : [add]));

  it('changes nothing where all is there, alone or among others', async () => {
    for (const subnets of [['10.2.0.0/24'], ['10.1.0.0/24', '10.2.0.0/24']]) {
      const { run, applied } = nftWith(rulesOf(subnets));
      await ensureMasquerade(run, wanted);
      expect(applied).toEqual([]);
    }
  });

  it('builds what was flushed, though the marker is still there', async () => {
    const { run, applied } = nftWith([]);
    await ensureMasquerade(run, wanted);
    expect(applied).toHaveLength(1);
    expect(applied[0]).toContain('10.2.0.0');
  });

  it('asks the marker where nft prints rules in other words', async () => {
    const { run, applied } = nftWith([saddr(net('10.2.0.0'))]);
    await ensureMasquerade(run, wanted);
    expect(applied).toHaveLength(1);
    expect(applied[0]).not.toContain('flush');
  });

  it('adds to the subnets of others, on condition that these are still the ones that it read', async () => {
    const { run, applied } = nftWith([saddr(net('10.1.0.0'))]);
    await ensureMasquerade(run, wanted);
    expect(applied).toHaveLength(1);
    const commands = (JSON.parse(applied[0] ?? '') as { nftables: Record<string, object>[] }).nftables;
    expect(Object.keys((commands[0]?.['add'] ?? {}) as object)).toEqual(['element']);
    for (const subnet of ['10.1.0.0', '10.2.0.0']) expect(applied[0]).toContain(subnet);
  });

  it('looks again when somebody else was quicker, and builds anew when it never fits', async () => {
    const { run, applied } = nftWith([saddr(net('10.1.0.0'))], 'File exists', 'File exists', 'File exists');
    await ensureMasquerade(run, wanted);
    expect(applied).toHaveLength(4);
    expect(applied[3]).toContain('flush');
  });
});
