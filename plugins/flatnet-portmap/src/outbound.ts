/** `ipMasq`: the masquerade of a container whose main plugin makes none, as rules of the attachment (@flatnet/rules). */
import type { AddResult } from '@flatnet/cni';
import { isDead, type Owner, type Records } from '@flatnet/hostport';
import type { Nft } from '@flatnet/kernel';
import {
  differencesOf,
  ensureRules,
  listTables,
  removeIdleTables,
  removeListed,
  removeRules,
  type AttachmentRules,
  type RuleOwner,
} from '@flatnet/rules';
import type { PortmapConfig } from './config.ts';
import { containerAddresses } from './plan.ts';

const DIGITS = 12;

const ruleOwner = ({ networkHash, hash }: Pick<Owner, 'networkHash' | 'hash'>): RuleOwner => ({
  ...{ maker: 'flatnet-portmap', networkHash, attachment: hash.slice(0, DIGITS) },
});

export function outboundRules(owner: Owner, config: PortmapConfig, result: AddResult): AttachmentRules {
  if (!config.ipMasq) return { owner: ruleOwner(owner) };
  const cidrs = containerAddresses(result, owner.ifName);
  const [snat4, snat6] = ([4, 6] as const).map((of) => config.snatAddresses.find(({ family }) => family === of));
  return {
    owner: ruleOwner(owner),
    masquerade: {
      addresses: cidrs.map(({ ip }) => String(ip)),
      subnets: [...new Set(cidrs.map(({ network, prefix }) => `${network}/${prefix}`))],
      ...(snat4 === undefined ? {} : { snat4: String(snat4) }),
      ...(snat6 === undefined ? {} : { snat6: String(snat6) }),
    },
  };
}

/** ADD. @throws ToolError. */
export const applyOutbound = (nft: Nft, rules: AttachmentRules, records: Records): Promise<void> =>
  ensureRules(nft, rules, {
    // Behind another main plugin only a record tells whether an attachment lives, and unknown is alive.
    isAlive: ({ attachment }) => {
      const record = records.all().find(({ owner }) => owner.hash.startsWith(attachment));
      return record === undefined || !isDead(record);
    },
  });

/** DEL, and the undo of ADD: whatever the configuration says now; the tables with the last attachment. @throws ToolError. */
export async function dropOutbound(nft: Nft, owner: Owner, config: PortmapConfig, records: Records): Promise<void> {
  const { ipMasq, attached } = config;
  const others = records.attachmentsOf(owner.networkHash).filter((hash) => hash !== owner.hash);
  await removeRules(nft, ruleOwner(owner), {
    expected: ipMasq ? { antiSpoof: false, clamped: false } : 'nothing',
    addresses: attached,
    hostEnds: () => Promise.resolve(others.map((hash) => hash.slice(0, DIGITS))),
  });
  if (ipMasq) await removeIdleTables(nft);
}

/** GC. @throws ToolError. */
export async function collectOutbound(nft: Nft, networkHash: string, valid: ReadonlySet<string>): Promise<void> {
  const names = new Set([...valid].map((hash) => hash.slice(0, DIGITS)));
  const maker = 'flatnet-portmap' as const;
  await removeListed(
    nft,
    (owner) => owner.maker === maker && owner.networkHash === networkHash && !names.has(owner.attachment),
    // Version 0.1.0 made one chain a network, which goes when no attachment is left.
    { network: { maker, networkHash }, hostEnds: () => Promise.resolve([...names]) },
  );
}

/** CHECK: what is missing or too much. @throws ToolError. */
export async function outboundDifferences(nft: Nft, rules: AttachmentRules): Promise<readonly string[]> {
  const { missing, surplus } = differencesOf(rules, await listTables(nft));
  return [...missing, ...surplus.map((what) => `${what}, which is not asked for`)];
}
