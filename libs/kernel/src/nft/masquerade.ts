/**
 * Outbound masquerade, one base chain per network:
 *
 *   table inet flatnet {
 *     map net_<tag> { type mark : mark; elements = { 0 : <digest of the chain's content> } }
 *     chain net_<tag> {
 *       type nat hook postrouting priority srcnat; policy accept;
 *       ip saddr 10.87.1.0/24 ip daddr != 10.87.1.0/24 ip daddr != 224.0.0.0/4 masquerade
 *     }
 *   }
 *
 * A chain per network rather than one map of subnets: networks whose subnets are equal or overlap (a network renamed, its old chain
 * still there) stay independent, and adding or removing one needs no listing. Only the first packet of a flow walks these chains.
 *
 * The map is the cheap question "is my chain there, with this content?": adding its element again is no change; it fails with
 * `exists` when the content is another, and with `not-found` when table or map are gone; then chain and map are rebuilt. They are
 * made and removed together, in one transaction, so one stands for both.
 *
 * A network may have more subnets than an attachment of it knows: a range set of several, or a range that was changed while containers
 * run. So an attachment adds the subnets that it knows of to those that stand there, and takes none away.
 */
import { type Run, ToolError } from '@flatnet/exec';
import { type ApplyOptions, applyNft, listNft } from './apply.ts';
import {
  add,
  chain,
  create,
  elements,
  flush,
  map,
  match,
  type NftCommand,
  type NftJson,
  type NftObject,
} from './commands.ts';
import { payload, prefix, remove, rule, table } from './commands.ts';
import { subnetsOfChain, subnetsOfRules } from './rule-subnets.ts';

export interface Masquerade {
  /** Network hash: at most 12 characters `[0-9a-z]`. */
  readonly tag: string;
  /** Subnets whose outbound traffic is translated, in CIDR notation with the host bits zero; families may mix. */
  readonly subnets: readonly string[];
  /** Fixed source addresses instead of those of the outgoing interface. */
  readonly snat4?: string;
  readonly snat6?: string;
}

const TABLE = { family: 'inet', table: 'flatnet' } as const;

const isV6 = (text: string): boolean => text.includes(':');

const split = (cidr: string): NftJson => {
  const slash = cidr.lastIndexOf('/');
  return prefix(cidr.slice(0, slash), Number(cidr.slice(slash + 1)));
};

/** FNV-1a, 32 bit: tells contents apart, nothing more. */
const digest = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
};

const objectName = (tag: string): string => `net_${tag}`;

const translation = (masquerade: Masquerade, v6: boolean): NftJson => {
  const address = v6 ? masquerade.snat6 : masquerade.snat4;
  return address === undefined ? { masquerade: null } : { snat: { family: v6 ? 'ip6' : 'ip', addr: address } };
};

const rulesOf = (masquerade: Masquerade): readonly NftCommand[] =>
  masquerade.subnets.map((subnet) => {
    const v6 = isV6(subnet);
    const protocol = v6 ? 'ip6' : 'ip';
    const inside = masquerade.subnets.filter((other) => isV6(other) === v6).map(split);
    const untouched = [...inside, v6 ? prefix('ff00::', 8) : prefix('224.0.0.0', 4)];
    return add(
      rule(TABLE, objectName(masquerade.tag), [
        match(payload(protocol, 'saddr'), split(subnet)),
        ...untouched.map((net) => match(payload(protocol, 'daddr'), net, '!=')),
        translation(masquerade, v6),
      ]),
    );
  });

const marker = (masquerade: Masquerade): NftJson => [
  0,
  // Sorted: attachments that name the same subnets in another order want the same.
  digest(JSON.stringify([[...masquerade.subnets].sort(), masquerade.snat4 ?? '', masquerade.snat6 ?? ''])),
];

const hook = { type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' } as const;

/** Commands that change nothing when the masquerade stands as wanted, and fail (`not-found`, `exists`) when it does not. */
export const confirmMasquerade = (masquerade: Masquerade): readonly NftCommand[] => [
  add(elements(TABLE, objectName(masquerade.tag), [marker(masquerade)])),
];

/** Commands that build the network's masquerade, whatever stood before. Idempotent; no packet sees it half built. */
export const masqueradeNetwork = (masquerade: Masquerade): readonly NftCommand[] => {
  const name = objectName(masquerade.tag);
  return [
    add(table(TABLE)),
    add(chain(TABLE, name, hook)),
    add(map(TABLE, name, 'mark', 'mark')),
    flush(chain(TABLE, name)),
    flush({ map: { ...TABLE, name } }),
    ...rulesOf(masquerade),
    ...confirmMasquerade(masquerade),
  ];
};

/** Commands that remove the network's masquerade. Idempotent. */
export const removeMasquerade = (tag: string): readonly NftCommand[] => {
  const name = objectName(tag);
  return [
    add(table(TABLE)),
    add(chain(TABLE, name)),
    add(map(TABLE, name, 'mark', 'mark')),
    remove(map(TABLE, name, 'mark', 'mark')),
    remove(chain(TABLE, name)),
  ];
};

/** Whether exactly these subnets are masqueraded: one nft start, which changes nothing. @throws ToolError. */
export const isMasqueraded = async (run: Run, wanted: Masquerade, options: ApplyOptions = {}): Promise<boolean> =>
  (await attempt(run, confirmMasquerade(wanted), { doing: 'ask for the masquerade', ...options })) === undefined;

const TRIES = 3;

/**
 * Makes sure that the masquerade of these subnets stands, beside that of the network's others: one nft start as a rule, two when it has to
 * be built, three when other subnets are there. @throws ToolError.
 */
export const ensureMasquerade = async (run: Run, wanted: Masquerade, options: ApplyOptions = {}): Promise<void> => {
  const named = { doing: 'set up masquerade', ...options };
  const difference = await attempt(run, confirmMasquerade(wanted), named);
  if (difference === undefined) return;
  const first = [...createMarker(wanted.tag), ...masqueradeNetwork(wanted)];
  if (difference === 'not-found' && (await attempt(run, first, named)) === undefined) return;
  for (let left = TRIES; left > 0; left -= 1) {
    if ((await attempt(run, await additionOf(run, wanted, named), named)) === undefined) return;
  }
  // The marker is not what the rules say: somebody else changed one of them, or the addresses of the translation are new.
  const standing = await subnetsOfChain(run, TABLE, objectName(wanted.tag), named);
  await applyNft(run, masqueradeNetwork(united(wanted, standing)), named);
};

/**
 * What adds the wanted subnets to those that stand there. It begins by confirming the content that was read: of two attachments that add
 * to it at once the second fails, and has to look again.
 */
const additionOf = async (run: Run, wanted: Masquerade, options: ApplyOptions): Promise<readonly NftCommand[]> => {
  const standing = [...new Set(await subnetsOfChain(run, TABLE, objectName(wanted.tag), options))];
  if (standing.length === 0) return [...createMarker(wanted.tag), ...masqueradeNetwork(wanted)];
  const unchanged = confirmMasquerade({ ...wanted, subnets: standing });
  const all = united(wanted, standing);
  return all.subnets.length === standing.length ? unchanged : [...unchanged, ...masqueradeNetwork(all)];
};

const united = (wanted: Masquerade, standing: readonly string[]): Masquerade => ({
  ...wanted,
  subnets: [...new Set([...standing, ...wanted.subnets])],
});

/** Fails with `exists` where the network has a masquerade. */
const createMarker = (tag: string): readonly NftCommand[] => [
  add(table(TABLE)),
  create(map(TABLE, objectName(tag), 'mark', 'mark')),
];

/** Undefined when the kernel took it, else in which way something else stands there. @throws ToolError of every other kind. */
const attempt = async (
  run: Run,
  commands: readonly NftCommand[],
  options: ApplyOptions,
): Promise<'not-found' | 'exists' | undefined> => {
  try {
    await applyNft(run, commands, options);
    return undefined;
  } catch (error) {
    if (error instanceof ToolError && (error.kind === 'not-found' || error.kind === 'exists')) return error.kind;
    throw error;
  }
};

/** Removes the network's masquerade; success when there is none (nothing is created for that). */
export const dropMasquerade = async (run: Run, tag: string, options: ApplyOptions = {}): Promise<void> => {
  const name = objectName(tag);
  const quick = [remove(map(TABLE, name, 'mark', 'mark')), remove(chain(TABLE, name))];
  const named = { doing: 'remove masquerade', ...options };
  try {
    await applyNft(run, quick, named);
  } catch (error) {
    if (!(error instanceof ToolError) || error.kind !== 'not-found') throw error;
    if ((await listNft(run, { ...TABLE, chain: name }, options)) !== undefined) {
      await applyNft(run, removeMasquerade(tag), named);
    }
  }
};

/** What of the masquerade is missing or different, in words; empty when it stands as wanted. For CHECK; changes nothing. */
export const missingMasquerade = async (
  run: Run,
  masquerade: Masquerade,
  options: ApplyOptions = {},
): Promise<readonly string[]> => {
  const name = objectName(masquerade.tag);
  const objects = await listNft(run, { ...TABLE, chain: name }, { doing: 'read masquerade', ...options });
  if (objects === undefined) return [`chain ${name} of nft table inet flatnet`];
  const found = objects.flatMap((object) => {
    const expr = (object['rule'] as NftObject | undefined)?.['expr'];
    return expr === undefined ? [] : [JSON.stringify(expr)];
  });
  // Other attachments may have brought other subnets, which the rules of these leave untouched too.
  const standing = [...new Set(subnetsOfRules(objects))];
  const united = { ...masquerade, subnets: standing };
  const rules = rulesOf(united);
  return masquerade.subnets
    .filter((subnet) => {
      const wanted = (rules[standing.indexOf(subnet)]?.add?.['rule'] as NftObject | undefined)?.['expr'];
      return wanted === undefined || !found.includes(JSON.stringify(wanted));
    })
    .map((subnet) => `masquerade rule for ${subnet} in chain ${name} of nft table inet flatnet`);
};

/** The tags of all networks that have a masquerade chain. For listings; changes nothing. @throws ToolError. */
export const masqueradeTags = async (run: Run, options: ApplyOptions = {}): Promise<readonly string[]> => {
  const objects = (await listNft(run, { ...TABLE, terse: true }, { doing: 'list masquerades', ...options })) ?? [];
  const prefixLength = objectName('').length;
  return objects.flatMap((object) => {
    const name = (object['chain'] as NftObject | undefined)?.['name'];
    return typeof name === 'string' && name.startsWith(objectName('')) ? [name.slice(prefixLength)] : [];
  });
};
