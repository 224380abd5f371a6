/** The rules of one attachment as a value, and what the verbs do with them. What they look like in the kernel is @flatnet/rules'. */
import { linkExists, type Kernel } from '@flatnet/kernel';
import {
  differencesOf,
  ensureRules,
  hostEndsIn,
  listTables,
  removeIdleTables,
  removeRules,
  type AttachmentRules,
  type RuleOwner,
} from '@flatnet/rules';
import { isGuarded, type FlatnetConfig } from './config.ts';
import { hostEndOf, listHostEnds } from './host-ends.ts';
import type { Plan } from './plan.ts';
import type { Topology } from './topology.ts';
import { gatewayDevice } from './vlan.ts';

/** @param tag `networkHash` of the network. */
export const ruleOwner = (tag: string, hostVeth: string): RuleOwner => ({
  ...{ maker: 'flatnet', networkHash: tag, attachment: hostVeth.slice('fl'.length) },
});

/** @param plan with the MAC that the container's interface ends up with. */
export function wantedRules(plan: Plan, topology: Topology | undefined): AttachmentRules {
  const { config, tag, hostVeth, containerMac: mac } = plan;
  const addresses = (topology?.addresses ?? []).map(({ cidr }) => String(cidr.ip));
  const subnets = topology?.masqueraded ?? [];
  return {
    owner: ruleOwner(tag, hostVeth),
    device: gatewayDevice(config.bridge, config.vlans),
    ...(subnets.length === 0 ? {} : { masquerade: { addresses, subnets } }),
    ...(config.clampMss && addresses.length > 0 ? { clamped: addresses } : {}),
    // Without addresses (a layer 2 attachment) only the MAC is looked at.
    ...(isGuarded(config) ? { antiSpoof: { mac, ...(config.antiSpoof && topology ? { addresses } : {}) } } : {}),
  };
}

/** ADD. An address whose attachment has a host end is that one's; of every other one the rules are stale. */
export const applyRules = (kernel: Kernel, plan: Plan, topology: Topology | undefined): Promise<void> =>
  ensureRules(kernel.nft, wantedRules(plan, topology), {
    isFirst: isAlone(kernel, plan.hostVeth),
    isAlive: ({ attachment }) => linkExists(kernel, hostEndOf(attachment)),
  });

/** Whether no other attachment of flatnet is on this host. */
export const isAlone = (kernel: Kernel, hostVeth: string): boolean =>
  hostEndsIn(kernel.proc).every((attachment) => hostEndOf(attachment) === hostVeth);

export interface Leaving {
  readonly network: string;
  readonly tag: string;
  readonly hostVeth: string;
  readonly config: FlatnetConfig;
}

/** DEL, and the undo of ADD: every rule of the attachment, whatever the configuration asks for now; the tables with the last one. */
export function dropRules(kernel: Kernel, { network, tag, hostVeth, config }: Leaving): Promise<void> {
  const { clampMss: clamped, ipMasq, hints } = config;
  const antiSpoof = isGuarded(config);
  return removeRules(kernel.nft, ruleOwner(tag, hostVeth), {
    expected: ipMasq || clamped || antiSpoof ? { antiSpoof, clamped } : 'nothing',
    addresses: hints.attached,
    isLast: isAlone(kernel, hostVeth),
    hostEnds: () => Promise.resolve(listHostEnds(kernel, network)),
  });
}

/** The end of DEL and GC: of several last DELs at once each saw the links of the others, so the tables are still there. */
export async function dropIdleTables(kernel: Kernel): Promise<void> {
  if (hostEndsIn(kernel.proc).length === 0) await removeIdleTables(kernel.nft);
}

/** CHECK: every rule that is missing or too much, with its repair. */
export async function ruleDifferences(
  kernel: Kernel,
  plan: Plan,
  topology: Topology | undefined,
): Promise<readonly string[]> {
  const { missing, surplus } = differencesOf(wantedRules(plan, topology), await listTables(kernel.nft));
  const repair = '(flatnetctl rules reload, or restart the container)';
  return [
    ...missing.map((what) => `nft: ${what} is missing ${repair}`),
    ...surplus.map((what) => `nft: ${what} is not asked for ${repair}`),
  ];
}
