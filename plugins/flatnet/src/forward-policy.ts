/**
 * Docker and ufw give the FORWARD chain the policy "drop". Every base chain of the forward hook must let a packet pass, so ours
 * cannot overrule theirs: it has to be said.
 */
import { listForeignNft } from './nft-listing.ts';
import type { Kernel } from '@flatnet/kernel';

/** What stands in the way of forwarded traffic of `bridge`, and what to do; undefined when nothing does. @throws ToolError. */
export async function forwardObstacle(kernel: Kernel, bridge: string): Promise<string | undefined> {
  const objects = await listForeignNft(kernel, ['chains']);
  const dropping = objects.map((object) => object['chain']).filter(isDroppingForward);
  for (const chain of dropping) {
    if (await admits(kernel, chain, bridge)) continue;
    return (
      `chain ${chain.name} of table ${chain.family} ${chain.table} drops what no rule accepts, and none names ${bridge}; ` +
      `allow it, e.g.: ${advice(chain, bridge)}`
    );
  }
  return undefined;
}

interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

function isDroppingForward(chain: unknown): chain is Chain {
  if (typeof chain !== 'object' || chain === null) return false;
  const { family, table, name, hook, policy } = chain as Record<string, unknown>;
  const named = [family, table, name].every((part) => typeof part === 'string');
  return named && hook === 'forward' && policy === 'drop' && family !== 'bridge' && table !== 'flatnet';
}

/** Words that show that somebody has made a way through for this bridge, or for CNI networks in general. */
const ADMITTING = ['CNI-FORWARD', 'NETAVARK_FORWARD'];

async function admits(kernel: Kernel, { family, table }: Chain, bridge: string): Promise<boolean> {
  const rules = JSON.stringify(await listForeignNft(kernel, ['table', family, table]));
  return rules.includes(JSON.stringify(bridge)) || ADMITTING.some((chain) => rules.includes(chain));
}

const advice = ({ family, table, name }: Chain, bridge: string): string =>
  name === 'FORWARD'
    ? `iptables -I FORWARD -i ${bridge} -j ACCEPT; iptables -I FORWARD -o ${bridge} -j ACCEPT`
    : `nft insert rule ${family} ${table} ${name} iifname ${bridge} accept; nft insert rule ${family} ${table} ${name} oifname ${bridge} accept`;
