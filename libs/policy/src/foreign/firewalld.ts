/** firewalld rejects what comes from no zone that forwards: the subnets join one, by D-Bus, as the reference plugin has it. */
import { type Kernel, listNft } from '@flatnet/kernel';

type Reader = Pick<Kernel, 'run'>;

const CALL = [
  ...['--system', 'call', 'org.fedoraproject.FirewallD1', '/org/fedoraproject/FirewallD1'],
  'org.fedoraproject.FirewallD1.zone',
];

/** Whether firewalld filters forwarded packets. @throws ToolError. */
export const isRunning = async ({ run }: Reader): Promise<boolean> =>
  (await listNft(run, { family: 'inet', table: 'firewalld', chain: 'filter_FORWARD', terse: true })) !== undefined;

/** @returns why a subnet could not join, in words. */
export async function join({ run }: Reader, zone: string, subnets: readonly string[]): Promise<string | undefined> {
  for (const subnet of subnets) {
    const { exitCode, stderr } = await run('busctl', [...CALL, 'addSource', 'ss', zone, subnet]);
    if (exitCode === 0 || stderr.includes('ALREADY_ENABLED')) continue;
    return `firewalld does not take ${subnet} into zone ${zone}: ${stderr.trim().slice(0, 200)}`;
  }
  return undefined;
}

/** Those that are not in the zone. Changes nothing. */
export async function outside({ run }: Reader, zone: string, subnets: readonly string[]): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const subnet of subnets) {
    const { stdout } = await run('busctl', [...CALL, 'querySource', 'ss', zone, subnet]);
    if (!stdout.includes('true')) lost.push(`firewalld has no source ${subnet} in zone ${zone}`);
  }
  return lost;
}

export async function leave({ run }: Reader, zone: string, subnets: readonly string[]): Promise<void> {
  for (const subnet of subnets) await run('busctl', [...CALL, 'removeSource', 'ss', zone, subnet]);
}
