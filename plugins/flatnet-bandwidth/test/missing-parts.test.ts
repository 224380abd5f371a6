// A kernel that lacks parts: what ADD, STATUS and its log line say, and what is left.
import type { AddResult } from '@flatnet/cni';
import { ABSENT, lacking } from '@flatnet/shaping/testing';
import { type Lab, openLab } from '@flatnet/shaping/testing/lab';
import { type AddRequest, Rollback } from '@flatnet/skel';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BandwidthConfig, decodeConfig } from '../src/config.ts';
import { pluginWith } from '../src/plugin.ts';
import { decodeRaw } from '../src/schema.ts';

let lab: Lab;
beforeEach(() => {
  lab = openLab();
});
afterEach(() => lab.close());

const BOTH = { ingressRate: 10e6, egressRate: 2e6 };
const SUBNETS = { ...BOTH, unshapedSubnets: ['10.0.0.0/8'] };
type Name = keyof typeof ABSENT;

const without = (names: readonly Name[]) =>
  pluginWith({ wire: () => lacking(lab.wire, ...names.map((name) => ABSENT[name])), records: () => lab.records });

function request(config: Readonly<Record<string, unknown>>): { request: AddRequest<BandwidthConfig>; notes: string[] } {
  const notes: string[] = [];
  const prevResult: AddResult = {
    interfaces: [{ name: 'h0' }, { name: 'eth0', sandbox: lab.netns }],
    ...{ ips: [], routes: [], dns: {} },
  };
  return {
    notes,
    request: {
      ...{ verb: 'ADD', cniVersion: '1.1.0', network: 'net', config: decodeConfig(config, 'ADD', decodeRaw) },
      ...{ args: new Map(), cniPath: [], invocation: { env: {}, stdin: new Uint8Array() } },
      signal: new AbortController().signal,
      phase: async (_name, work) => work(),
      note: (text) => notes.push(text),
      attachment: { containerId: 'web', ifName: 'eth0' },
      ...{ netns: lab.netns, prevResult },
    },
  };
}

it.each<[readonly Name[], string]>([
  [['nft_fwd_netdev'], 'lacks nft_fwd_netdev'],
  [['ifb'], 'lacks ifb: what the container sends is limited in its own namespace, where CAP_NET_ADMIN can end that'],
  [['nft_fwd_netdev', 'act_mirred'], 'lacks nft_fwd_netdev, act_mirred: what the container sends'],
])("without %j ADD's log line says so", async (names, words) => {
  const { request: add, notes } = request(BOTH);
  await without(names).add(add, new Rollback());
  expect(notes.join().replace(/fq_codel(, )?/, '')).toContain(words);
});

it.each<[readonly Name[], Readonly<Record<string, unknown>>, string]>([
  [['tbf'], BOTH, 'the kernel lacks tbf'],
  [['ifb'], SUBNETS, 'it lacks'],
  [['htb'], SUBNETS, 'the kernel lacks htb'],
])('without %j ADD of %j fails with code 50 and the command, and leaves nothing', async (names, config, words) => {
  const rollback = new Rollback();
  const details = new RegExp(`${words}.*modprobe -a `);
  await expect(without(names).add(request(config).request, rollback)).rejects.toMatchObject({
    code: 50,
    details: expect.stringMatching(details) as string,
  });
  expect(await rollback.run()).toEqual([]);
  expect(lab.json('ip -j link')).toHaveLength(2);
  expect([lab.run('nft list ruleset'), lab.records.all()]).toEqual(['', []]);
  expect(lab.run('tc qdisc show dev h0')).toContain('noqueue');
});

it.each<[readonly Name[], Readonly<Record<string, unknown>>, string | undefined]>([
  [['tbf', 'ifb'], BOTH, 'the kernel lacks tbf and ifb; run: modprobe -a sch_tbf ifb'],
  [['htb'], SUBNETS, 'the kernel lacks htb; run: modprobe -a sch_htb'],
  [['htb'], BOTH, undefined],
  [['nft_fwd_netdev', 'fq_codel'], SUBNETS, undefined],
])('without %j STATUS of %j says %j', async (names, config, details) => {
  const { request: asked, notes } = request(config);
  const answer = without(names).status!({ ...asked, verb: 'STATUS' });
  if (details === undefined) await answer;
  else await expect(answer).rejects.toMatchObject({ code: 50, details });
  if (names.includes('nft_fwd_netdev')) expect(notes).toEqual(['the kernel lacks fq_codel, nft_fwd_netdev']);
});
