import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run, RunResult } from '@flatnet/exec';
import { closeSocket, NETLINK_NETFILTER, openSocket, type Socket } from '@flatnet/netlink';
import { openNodeSys } from '@flatnet/sys/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as nft from '../../src/nft/commands.ts';
import { applyFixedText, applyNft, elementsOf, ensureNft, listNft } from '../../src/nft/apply.ts';
import { nftInProcess } from '../../src/nft/in-process.ts';

const sys = openNodeSys();
const T = { family: 'inet', table: 't' } as const;
let netns: string;
let socket: Socket;
let programs: string[];
/** nft as a program, in the same namespace. */
const byProgram: Run = (file, args) => {
  programs.push(args.join(' '));
  const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', netns, file, ...args], { encoding: 'utf8' });
  return Promise.resolve<RunResult>({ exitCode: status, stdout, stderr, ending: 'exit' });
};
let run: Run;
let count = 0;

beforeEach(() => {
  netns = `nft-in-process-${process.pid}-${(count += 1)}`;
  execFileSync('ip', ['netns', 'add', netns]);
  socket = openSocket(sys, NETLINK_NETFILTER, { netns: `/run/netns/${netns}` });
  programs = [];
  run = nftInProcess(byProgram, () => socket);
});
afterEach(() => {
  closeSocket(socket);
  spawnSync('ip', ['netns', 'delete', netns]);
});

const ruleset = (): string =>
  spawnSync('ip', ['netns', 'exec', netns, 'nft', 'list', 'ruleset'], { encoding: 'utf8' }).stdout;
const jump = (key: string, to: string) => [key, nft.jump(to)] as const;
const BASE = [
  nft.add(nft.table(T)),
  nft.add(nft.chain(T, 'a')),
  nft.add(nft.chain(T, 'b', { type: 'filter', hook: 'forward', prio: 0, policy: 'accept' })),
  nft.add(nft.map(T, 'm', 'ipv4_addr', 'verdict')),
  nft.add(nft.rule(T, 'b', [nft.vmap(nft.payload('ip', 'saddr'), '@m')], 'of a test')),
];

describe('nft in this process', () => {
  it('applies transactions and lists what they made, and no program is started', async () => {
    await applyNft(run, [...BASE, nft.add(nft.elements(T, 'm', [jump('10.0.0.1', 'a')]))]);
    const table = await listNft(run, T);
    const chain = await listNft(run, { ...T, chain: 'b' });
    const map = await listNft(run, { ...T, map: 'm' });
    const terse = await listNft(run, { ...T, terse: true });
    expect(programs).toEqual([]);
    expect(elementsOf(table ?? [], 'm')).toEqual([['10.0.0.1', { jump: { target: 'a' } }]]);
    expect(elementsOf(map ?? [], 'm')).toEqual(elementsOf(table ?? [], 'm'));
    expect(elementsOf(terse ?? [], 'm')).toEqual([]);
    expect(chain?.map((object) => Object.keys(object)[0])).toEqual(['chain', 'rule']);
    expect(ruleset()).toContain('ip saddr vmap @m comment "of a test"');
    // As the program prints them, but for which version of it prints.
    const printed = await listNft(byProgram, T);
    expect(table).toEqual(expect.arrayContaining([...(printed ?? [])].filter((object) => !('metainfo' in object))));
  });

  it('tells errors apart by the same kinds as the program does', async () => {
    const claim = [nft.create(nft.elements(T, 'm', [jump('10.0.0.1', 'a')]))];
    for (const each of [run, byProgram]) {
      await expect(applyNft(each, claim)).rejects.toMatchObject({ kind: 'not-found' });
      expect(await listNft(each, T)).toBeUndefined();
    }
    await applyNft(run, [...BASE, ...claim]);
    for (const each of [run, byProgram]) {
      await expect(applyNft(each, claim)).rejects.toMatchObject({ kind: 'exists' });
      await expect(applyNft(each, [nft.remove(nft.elements(T, 'm', ['10.0.0.2']))])).rejects.toMatchObject({
        kind: 'not-found',
      });
      await expect(applyNft(each, [nft.add(nft.rule(T, 'none', [{ drop: null }]))])).rejects.toMatchObject({
        kind: 'not-found',
      });
      await expect(applyNft(each, [nft.remove(nft.chain(T, 'none'))])).rejects.toMatchObject({ kind: 'not-found' });
      await expect(applyNft(each, [nft.remove(nft.chain(T, 'a'))])).rejects.toMatchObject({ kind: 'busy' });
      expect(await listNft(each, { ...T, chain: 'none' })).toBeUndefined();
      expect(await listNft(each, { ...T, map: 'none' })).toBeUndefined();
    }
  });

  it('lists the chains of all tables as the program does', async () => {
    const device = { type: 'filter', hook: 'ingress', dev: 'lo', prio: -10, policy: 'accept' } as const;
    const other = { family: 'netdev', table: 'd' } as const;
    await applyNft(byProgram, [...BASE, { add: { table: { family: 'netdev', name: 'd' } } }]);
    await applyNft(byProgram, [{ add: { chain: { ...other, name: 'in', ...device } } }]);
    programs = [];
    const chainsBy = async (by: Run): Promise<unknown> => {
      const { stdout } = await by('nft', ['-j', 'list', 'chains']);
      return (JSON.parse(stdout) as { nftables: { chain?: object }[] }).nftables.flatMap(({ chain }) => chain ?? []);
    };
    const listed = await chainsBy(run);
    expect(programs).toEqual([]);
    expect(listed).toHaveLength(3);
    expect(listed).toEqual(await chainsBy(byProgram));
  });

  it('all of a transaction happens, or nothing', async () => {
    await applyNft(run, BASE);
    const before = ruleset();
    const half = [nft.add(nft.chain(T, 'c')), nft.remove(nft.chain(T, 'none'))];
    await expect(applyNft(run, half)).rejects.toMatchObject({ kind: 'not-found' });
    expect(ruleset()).toBe(before);
  });

  it('builds what is missing after a quick try', async () => {
    const quick = [nft.add(nft.elements(T, 'm', [jump('10.0.0.9', 'a')]))];
    await ensureNft(run, quick, () => [...BASE, ...quick]);
    expect(ruleset()).toContain('10.0.0.9 : jump a');
    expect(programs).toEqual([]);
  });

  it('knows the maps that JSON of nft 1.0.6 cannot say', async () => {
    const text = 'add table inet t; add map inet t any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }';
    await applyFixedText(run, text);
    await applyNft(run, [nft.add(nft.elements(T, 'any4', [[nft.concat('tcp', 80), nft.concat('10.0.0.1', 8080)]]))]);
    expect(programs).toEqual([]);
    expect(ruleset()).toContain('tcp . 80 : 10.0.0.1 . 8080');
  });

  it('reads transactions that are too long for arguments from their file', async () => {
    await applyNft(run, BASE);
    const folder = mkdtempSync(join(tmpdir(), 'flatnet-nft-test-'));
    try {
      const file = join(folder, 'transaction.json');
      const many = Array.from({ length: 3_000 }, (_, n) => jump(`10.1.${n >> 8}.${n & 255}`, 'a'));
      writeFileSync(file, JSON.stringify({ nftables: [nft.add(nft.elements(T, 'm', many))] }));
      expect(await run('nft', ['-j', '-f', file])).toMatchObject({ exitCode: 0, stderr: '' });
      expect(elementsOf((await listNft(run, { ...T, map: 'm' })) ?? [], 'm')).toHaveLength(3_000);
      expect(programs).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a transaction that also lists does both', async () => {
    const both = [...BASE, { list: { chain: { ...T, name: 'b' } } }];
    const { exitCode, stdout } = await run('nft', ['-j', JSON.stringify({ nftables: both })]);
    expect(exitCode).toBe(0);
    expect((JSON.parse(stdout) as { nftables: object[] }).nftables.map((object) => Object.keys(object)[0])).toEqual([
      'chain',
      'rule',
    ]);
    expect(programs).toEqual([]);
  });
});

describe('the program is started', () => {
  it('for statements that are not known here, and nothing was sent before', async () => {
    await applyNft(run, BASE);
    const commands = [nft.add(nft.rule(T, 'a', [{ log: { prefix: 'seen ' } }]))];
    await applyNft(run, commands);
    expect(programs).toHaveLength(1);
    expect(ruleset().match(/log prefix "seen "/g)).toHaveLength(1);
    // Nor can such a rule be printed here; what was applied before is not applied again.
    expect((await listNft(run, { ...T, chain: 'a' }))?.length).toBeGreaterThan(1);
    expect(programs).toHaveLength(2);
    const both = [nft.add(nft.rule(T, 'a', [{ drop: null }])), { list: { chain: { ...T, name: 'a' } } }];
    expect(await run('nft', ['-j', JSON.stringify({ nftables: both })])).toMatchObject({ exitCode: 0 });
    expect(programs).toHaveLength(3);
    expect(ruleset().match(/\t\tdrop\n/g)).toHaveLength(1);
  });

  it('for what is no transaction or listing of a table, and for other programs', async () => {
    await run('nft', ['-j', 'list', 'tables']);
    await run('true', []);
    expect(programs).toEqual(['-j list tables', '']);
  });
});
