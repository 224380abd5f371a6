/**
 * A FORWARD policy that drops, as Docker and ufw set it, drops what no rule of that table accepts: our table cannot overrule it. So three
 * rules for each network stand in a chain of that table, written by its own program, which could not save others.
 */
import { findTool } from '@flatnet/exec';
import { type Kernel, listNft } from '@flatnet/kernel';

type Reader = Pick<Kernel, 'nft' | 'run' | 'proc'>;

const CHAIN = 'FLATNET-FORWARD';
const FAMILIES = [
  { family: 'ip', program: 'iptables' },
  { family: 'ip6', program: 'ip6tables' },
] as const;

const rulesOf = (bridge: string): readonly (readonly string[])[] => [
  ['-i', bridge, '-j', 'ACCEPT'],
  ['-o', bridge, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
  ['-o', bridge, '-m', 'conntrack', '--ctstate', 'DNAT', '-j', 'ACCEPT'],
];
const JUMP = ['FORWARD', '-j', CHAIN];

/** The programs whose FORWARD drops what it does not know. @throws ToolError. */
export async function droppingPrograms(kernel: Reader): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { family, program } of FAMILIES) {
    const objects = (await listNft(kernel.nft, { family, table: 'filter', chain: 'FORWARD', terse: true })) ?? [];
    const isDropping = objects.some(
      (object) => (object['chain'] as { policy?: string } | undefined)?.policy === 'drop',
    );
    if (isDropping) found.push(variantOf(program, 'nft'));
    if (!hasLegacyFilter(kernel, family)) continue;
    const { stdout } = await kernel.run(variantOf(program, 'legacy'), ['-w', '-S', 'FORWARD']);
    if (/^-P FORWARD DROP/m.test(stdout)) found.push(variantOf(program, 'legacy'));
  }
  return found;
}

/** The tables of iptables-legacy that were used since boot, in this network namespace. */
const hasLegacyFilter = ({ proc }: Reader, family: 'ip' | 'ip6'): boolean =>
  (proc.read(`/proc/net/${family}_tables_names`) ?? '').split('\n').includes('filter');

/** `iptables-nft`, or `iptables` where only that is installed. */
const variantOf = (program: string, variant: 'nft' | 'legacy'): string =>
  findTool(`${program}-${variant}`) === undefined ? program : `${program}-${variant}`;

/** Lets packets of the bridge pass. @returns why it could not, in words. */
export async function letPass(kernel: Reader, program: string, bridge: string): Promise<string | undefined> {
  const missing = await missingOf(kernel, program, bridge);
  if (missing.length > 0) await kernel.run(program, ['-w', '-N', CHAIN]);
  for (const [chain = '', ...rule] of missing) {
    const verb = chain === CHAIN ? '-A' : '-I';
    const { exitCode, stderr } = await kernel.run(program, ['-w', verb, chain, ...rule]);
    if (exitCode !== 0) return `${program} cannot let packets of ${bridge} pass: ${stderr.trim().slice(0, 200)}`;
  }
  return undefined;
}

/** Rules, with their chain, that are not there. By the list: `-C` of ip6tables-legacy takes one state of a connection for another. */
async function missingOf({ run }: Reader, program: string, bridge: string): Promise<readonly (readonly string[])[]> {
  const there = new Set((await run(program, ['-w', '-S'])).stdout.split('\n'));
  return [...rulesOf(bridge).map((rule) => [CHAIN, ...rule]), JUMP].filter(
    (rule) => !there.has(`-A ${rule.join(' ')}`),
  );
}

/** What of it is not there, in words. Changes nothing. */
export const passDifferences = async (kernel: Reader, program: string, bridge: string): Promise<readonly string[]> =>
  (await missingOf(kernel, program, bridge)).map((rule) => `${program} -A ${rule.join(' ')}`);

/** Takes the rules of the bridge out of every table that has some, and the chain with the last ones. */
export async function letPassNoLonger(kernel: Reader, bridge: string): Promise<void> {
  for (const { family, program } of FAMILIES) {
    const place = { family, table: 'filter', chain: CHAIN, terse: true } as const;
    if ((await listNft(kernel.nft, place)) !== undefined) await withdraw(kernel, variantOf(program, 'nft'), bridge);
    if (hasLegacyFilter(kernel, family)) await withdraw(kernel, variantOf(program, 'legacy'), bridge);
  }
}

async function withdraw(kernel: Reader, program: string, bridge: string): Promise<void> {
  const run = (...words: readonly string[]) => kernel.run(program, ['-w', ...words]);
  const listed = await run('-S', CHAIN);
  if (listed.exitCode !== 0) return;
  for (const rule of rulesOf(bridge)) await run('-D', CHAIN, ...rule);
  const { stdout } = await run('-S', CHAIN);
  if (/^-A /m.test(stdout)) return;
  await run('-D', ...JUMP);
  await run('-X', CHAIN);
}
