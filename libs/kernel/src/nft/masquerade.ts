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
 * Whether it stands is read from the rules: a flush of table or chain takes them and leaves everything else. The map is for those who
 * change them at once: adding its element again is no change, and fails with `exists` when the content is another by now, and with
 * `not-found` when table or map are gone.
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
import { subnetsOfRules } from './rule-subnets.ts';

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

/** Those of the subnets that are masqueraded as wanted: one nft start, which changes nothing. @throws ToolError. */
export const standingMasquerade = async (
  run: Run,
  wanted: Masquerade,
  options: ApplyOptions = {},
): Promise<readonly string[]> => {
  const missing = missingSubnets(wanted, (await read(run, wanted.tag, options)) ?? []);
  return wanted.subnets.filter((subnet) => !missing.includes(subnet));
};

const TRIES = 3;

/**
 * Makes sure that the masquerade of these subnets stands, beside that of the network's others: one nft start as a rule, two when it has to
 * be built or added to. @throws ToolError.
 */
export const ensureMasquerade = async (run: Run, wanted: Masquerade, options: ApplyOptions = {}): Promise<void> => {
  const named = { doing: 'set up masquerade', ...options };
  let objects = await read(run, wanted.tag, named);
  for (let left = TRIES; left > 0; left -= 1) {
    if (objects !== undefined && missingSubnets(wanted, objects).length === 0) return;
    if (await attempt(run, additionTo(objects, wanted), named)) return;
    objects = await read(run, wanted.tag, named);
  }
  // The marker is not what the rules say: somebody else changed one of them, or the addresses of the translation are new.
  await applyNft(run, masqueradeNetwork(united(wanted, subnetsOfRules(objects ?? []))), named);
};

/**
 * What adds the wanted subnets to those that stand there. It begins by confirming the content that was read: of two attachments that add
 * to it at once the second fails, and has to look again.
 */
const additionTo = (objects: readonly NftObject[] | undefined, wanted: Masquerade): readonly NftCommand[] => {
  if (objects === undefined) return [...createMarker(wanted.tag), ...masqueradeNetwork(wanted)];
  const standing = [...new Set(subnetsOfRules(objects))];
  // Flushed: the marker says what the rules no longer say.
  if (standing.length === 0) return masqueradeNetwork(wanted);
  const unchanged = confirmMasquerade({ ...wanted, subnets: standing });
  const all = united(wanted, standing);
  // An nft that prints rules in other words than ours: the marker knows.
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

/** False when something else stands there than was read. @throws ToolError of every other kind. */
const attempt = async (run: Run, commands: readonly NftCommand[], options: ApplyOptions): Promise<boolean> => {
  try {
    await applyNft(run, commands, options);
    return true;
  } catch (error) {
    if (error instanceof ToolError && (error.kind === 'not-found' || error.kind === 'exists')) return false;
    throw error;
  }
};

/** The network's chain as nft lists it; undefined when it is not there. */
const read = (run: Run, tag: string, options: ApplyOptions): Promise<readonly NftObject[] | undefined> =>
  listNft(run, { ...TABLE, chain: objectName(tag) }, { doing: 'read masquerade', ...options });

/** The subnets whose rule is not among the listed. Other attachments may have brought others, which the rules of these leave untouched too. */
const missingSubnets = (wanted: Masquerade, objects: readonly NftObject[]): readonly string[] => {
  const found = objects.flatMap((object) => {
    const expr = (object['rule'] as NftObject | undefined)?.['expr'];
    return expr === undefined ? [] : [JSON.stringify(expr)];
  });
  const standing = [...new Set(subnetsOfRules(objects))];
  const rules = rulesOf({ ...wanted, subnets: standing });
  return wanted.subnets.filter((subnet) => {
    const rule = (rules[standing.indexOf(subnet)]?.add?.['rule'] as NftObject | undefined)?.['expr'];
    return rule === undefined || !found.includes(JSON.stringify(rule));
  });
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
  const objects = await read(run, masquerade.tag, options);
  if (objects === undefined) return [`chain ${name} of nft table inet flatnet`];
  return missingSubnets(masquerade, objects).map(
    (subnet) => `masquerade rule for ${subnet} in chain ${name} of nft table inet flatnet`,
  );
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
