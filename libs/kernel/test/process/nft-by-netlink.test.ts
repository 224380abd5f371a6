/** nf_tables by netlink beside the program nft, in a network namespace of the test. */
import { execFileSync, spawnSync } from 'node:child_process';
import type { Run, RunResult } from '@flatnet/exec';
import { closeSocket, NETLINK_NETFILTER, openSocket, type Socket } from '@flatnet/netlink';
import { openNodeSys } from '@flatnet/sys/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as words from '../../src/nft/commands.ts';
import { applyNft, elementsOf, listNft, type Nft } from '../../src/nft/index.ts';
import { nftByNetlink } from '../../src/nft/by-netlink.ts';

const sys = openNodeSys();
const T = { family: 'inet', table: 't' } as const;
let netns: string;
let socket: Socket;
let programs: string[];
/** Programs in the same namespace. */
const run: Run = (file, args) => {
  programs.push(args.join(' '));
  const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', netns, file, ...args], { encoding: 'utf8' });
  return Promise.resolve<RunResult>({ exitCode: status, stdout, stderr, ending: 'exit' });
};
let nft: Nft;
let count = 0;

beforeEach(() => {
  netns = `nft-by-netlink-${process.pid}-${(count += 1)}`;
  execFileSync('ip', ['netns', 'add', netns]);
  socket = openSocket(sys, NETLINK_NETFILTER, { netns: `/run/netns/${netns}` });
  programs = [];
  nft = nftByNetlink(() => socket, run);
});
afterEach(() => {
  closeSocket(socket);
  spawnSync('ip', ['netns', 'delete', netns]);
});

const byProgram = async (...args: string[]): Promise<readonly object[]> => {
  const { stdout } = spawnSync('ip', ['netns', 'exec', netns, 'nft', '-j', ...args], { encoding: 'utf8' });
  const { nftables } = JSON.parse(stdout) as { nftables: object[] };
  return nftables.filter((object) => !('metainfo' in object));
};
const ruleset = (): string =>
  spawnSync('ip', ['netns', 'exec', netns, 'nft', 'list', 'ruleset'], { encoding: 'utf8' }).stdout;
const jump = (key: string, to: string) => [key, words.jump(to)] as const;
const BASE = [
  words.add(words.table(T)),
  words.add(words.chain(T, 'a')),
  words.add(words.chain(T, 'b', { type: 'filter', hook: 'forward', prio: 0, policy: 'accept' })),
  words.add(words.map(T, 'm', 'ipv4_addr', 'verdict')),
  words.add(words.rule(T, 'b', [words.vmap(words.payload('ip', 'saddr'), '@m')], 'of a test')),
];

const claim = [words.create(words.elements(T, 'm', [jump('10.0.0.1', 'a')]))];

describe('nf_tables by netlink', () => {
  it('applies transactions and lists what they made, and no program is started', async () => {
    await applyNft(nft, [...BASE, words.add(words.elements(T, 'm', [jump('10.0.0.1', 'a')]))]);
    const table = await listNft(nft, T);
    const chain = await listNft(nft, { ...T, chain: 'b' });
    const map = await listNft(nft, { ...T, map: 'm' });
    const terse = await listNft(nft, { ...T, terse: true });
    expect(programs).toEqual([]);
    expect(elementsOf(table ?? [], 'm')).toEqual([['10.0.0.1', { jump: { target: 'a' } }]]);
    expect(elementsOf(map ?? [], 'm')).toEqual(elementsOf(table ?? [], 'm'));
    expect(elementsOf(terse ?? [], 'm')).toEqual([]);
    expect(chain?.map((object) => Object.keys(object)[0])).toEqual(['chain', 'rule']);
    expect(ruleset()).toContain('ip saddr vmap @m comment "of a test"');
    expect(table).toEqual(expect.arrayContaining([...(await byProgram('list', 'table', 'inet', 't'))]));
  });

  it('tells refusals of the kernel apart', async () => {
    await expect(applyNft(nft, claim)).rejects.toMatchObject({ tool: 'nft', kind: 'not-found' });
    expect(await listNft(nft, T)).toBeUndefined();
    await applyNft(nft, [...BASE, ...claim]);
    const refusals: readonly (readonly [readonly words.NftCommand[], kind: string])[] = [
      [claim, 'exists'],
      [[words.remove(words.elements(T, 'm', ['10.0.0.2']))], 'not-found'],
      [[words.add(words.rule(T, 'none', [{ drop: null }]))], 'not-found'],
      [[words.remove(words.chain(T, 'none'))], 'not-found'],
      [[words.remove(words.chain(T, 'a'))], 'busy'],
    ];
    for (const [commands, kind] of refusals) await expect(applyNft(nft, commands)).rejects.toMatchObject({ kind });
    expect(await listNft(nft, { ...T, chain: 'none' })).toBeUndefined();
    expect(await listNft(nft, { ...T, map: 'none' })).toBeUndefined();
  });

  it('says what it was for, and asks nothing once it is to end', async () => {
    await expect(applyNft(nft, claim, { doing: 'claim it' })).rejects.toThrow(/^nft: claim it: .*No such file/);
    const ended = nftByNetlink(() => socket, run, AbortSignal.abort());
    await expect(ended.apply(BASE)).rejects.toMatchObject({ kind: 'aborted' });
    await expect(nft.apply(BASE, { signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: 'aborted' });
    expect(ruleset()).toBe('');
  });

  it('lists the chains of all tables as the program does', async () => {
    const device = { type: 'filter', hook: 'ingress', dev: 'lo', prio: -10, policy: 'accept' } as const;
    await applyNft(nft, BASE);
    await run('nft', ['-j', JSON.stringify({ nftables: [{ add: { table: { family: 'netdev', name: 'd' } } }] })]);
    const chain = { family: 'netdev', table: 'd', name: 'in', ...device };
    await run('nft', ['-j', JSON.stringify({ nftables: [{ add: { chain } }] })]);
    programs = [];
    const listed = await nft.listChains();
    expect(programs).toEqual([]);
    expect(listed).toHaveLength(3);
    expect(listed).toEqual((await byProgram('list', 'chains')).filter((object) => 'chain' in object));
  });

  it('all of a transaction happens, or nothing', async () => {
    await applyNft(nft, BASE);
    const before = ruleset();
    const half = [words.add(words.chain(T, 'c')), words.remove(words.chain(T, 'none'))];
    await expect(applyNft(nft, half)).rejects.toMatchObject({ kind: 'not-found' });
    expect(ruleset()).toBe(before);
  });

  it('knows maps whose values are concatenations, and many elements', async () => {
    const any4 = words.map(T, 'any4', ['inet_proto', 'inet_service'], ['ipv4_addr', 'inet_service']);
    const of = (port: number) => [words.concat('tcp', port), words.concat('10.0.0.1', port)];
    const many = Array.from({ length: 3_000 }, (_, port) => of(port + 1));
    await applyNft(nft, [...BASE, words.add(any4), words.add(words.elements(T, 'any4', many))]);
    expect(ruleset()).toContain('tcp . 80 : 10.0.0.1 . 80');
    expect(elementsOf((await listNft(nft, { ...T, map: 'any4' })) ?? [], 'any4')).toHaveLength(3_000);
    expect(programs).toEqual([]);
  });
});

describe('the program', () => {
  it('lists what another program made and has no form here', async () => {
    await applyNft(nft, BASE);
    const commands = [words.add(words.rule(T, 'a', [{ log: { prefix: 'seen ' } }]))];
    await run('nft', ['-j', JSON.stringify({ nftables: commands })]);
    programs = [];
    expect(JSON.stringify(await listNft(nft, { ...T, chain: 'a' }))).toContain('"prefix":"seen "');
    expect(programs).toEqual(['-j list chain inet t a']);
    // Without rules there is nothing that has no form.
    expect(await listNft(nft, { ...T, chain: 'a', terse: true })).toHaveLength(1);
    expect(programs).toHaveLength(1);
  });
});
