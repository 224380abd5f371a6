import { findTool } from '@flatnet/exec';
import type { World } from '../world.ts';
import { failed, ok, warning, type Check, type Finding } from './finding.ts';

interface Feature {
  readonly check: string;
  /** Whether plugins are useless without it. */
  readonly needed: boolean;
  readonly works: string;
  readonly without: string;
  readonly repair: string;
}

interface LinkFeature extends Feature {
  readonly link: readonly string[];
}

const LINKS: readonly LinkFeature[] = [
  {
    ...{ check: 'kernel veth', needed: true, works: 'pairs can be made', without: 'no veth pairs' },
    ...{ repair: 'modprobe veth', link: ['type', 'veth', 'peer', 'name', 'flprobe1'] },
  },
  {
    ...{ check: 'kernel bridge', needed: true, works: 'bridges can be made', without: 'no bridges' },
    ...{ repair: 'modprobe bridge', link: ['type', 'bridge'] },
  },
  {
    ...{
      check: 'kernel VLANs',
      needed: false,
      works: 'bridges filter VLANs',
      without: 'the keys vlan and vlanTrunk fail',
    },
    ...{ repair: 'use a kernel with CONFIG_BRIDGE_VLAN_FILTERING', link: ['type', 'bridge', 'vlan_filtering', '1'] },
  },
];

const table = { family: 'inet', table: 'flatnet_doctor' };
const bridgeTable = { family: 'bridge', table: 'flatnet_doctor' };
const hook = { type: 'filter', hook: 'prerouting', prio: 0, policy: 'accept' };

interface NftFeature extends Feature {
  readonly nftables: readonly object[];
}

const RULES: readonly NftFeature[] = [
  {
    ...{ check: 'nft', needed: true, works: 'JSON, nat, masquerade and maps work', without: 'no masquerade, no ports' },
    repair: 'load nf_tables, nft_nat and nft_masq, or install an nft with JSON',
    nftables: [
      { add: { table: { family: 'inet', name: table.table } } },
      { add: { chain: { ...table, name: 'c', type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' } } },
      { add: { rule: { ...table, chain: 'c', expr: [{ masquerade: null }] } } },
      { add: { map: { ...table, name: 'm', type: 'ipv4_addr', map: 'verdict' } } },
    ],
  },
  {
    ...{ check: 'nft bridge family', needed: false, works: 'antiSpoof and macspoofchk work' },
    ...{ without: 'antiSpoof and macspoofchk fail', repair: 'use a kernel with CONFIG_NF_TABLES_BRIDGE' },
    nftables: [
      { add: { table: { family: 'bridge', name: bridgeTable.table } } },
      { add: { chain: { ...bridgeTable, name: 'c', ...hook } } },
    ],
  },
];

/** Tries in a network namespace that ends with the command, so that nothing is left. */
export const links: Check = async ({ run, isRoot }) => {
  if (!isRoot) return [untold('kernel')];
  if (findTool('unshare') === undefined || findTool('ip') === undefined) return [];
  return Promise.all(
    LINKS.map(async (feature) => {
      const { exitCode, stderr } = await run('unshare', ['--net', 'ip', 'link', 'add', 'flprobe0', ...feature.link]);
      return toFinding(feature, exitCode, stderr);
    }),
  );
};

/**
 * Asks the kernel with nft's dry run: nothing is changed. The text is an argument, not stdin: nft opens /dev/stdin by name, which a
 * socket (what Node gives a child) cannot be.
 */
export const rules: Check = async (world) => {
  if (!world.isRoot) return [untold('nft')];
  return findTool('nft') === undefined ? [] : Promise.all(RULES.map((feature) => tryRules(world, feature)));
};

/** Without root the kernel refuses every trial, which tells nothing of what it can. */
const untold = (check: string): Finding => warning(check, 'cannot be tried without root', 'run it as root');

async function tryRules({ run }: World, feature: NftFeature): Promise<Finding> {
  const { exitCode, stderr } = await run('nft', ['-c', '-j', JSON.stringify({ nftables: feature.nftables })]);
  return toFinding(feature, exitCode, stderr);
}

function toFinding(
  { check, needed, works, without, repair }: Feature,
  exitCode: number | null,
  stderr: string,
): Finding {
  if (exitCode === 0) return ok(check, works);
  const reason = `${without}: ${stderr.trim().split('\n')[0] ?? ''}`;
  return needed ? failed(check, reason, repair) : warning(check, reason, repair);
}
