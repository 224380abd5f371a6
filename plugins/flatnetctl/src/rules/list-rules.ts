/** Every rule that flatnet has, or should have, in the kernel, with its owner. Changes nothing. */
import { networkHash } from '@flatnet/cni';
import { describePort, portsOf } from '@flatnet/hostport';
import { differencesOf, legacyNetworks, listTables, type AttachmentRules, type Listing } from '@flatnet/rules';
import type { Survey, Trace } from '../ipam/survey.ts';
import { bridgeRules } from '../bridges/bridge-rules.ts';
import { nameRules } from '../names/name-rules.ts';
import { limitRules } from '../limit/limit-rules.ts';
import { policyRules } from '../policy/policy-rules.ts';
import type { World } from '../world.ts';
import { isLocalnetLost } from './localnet.ts';
import type { RuleEntry } from './rule-entry.ts';
import { wantedRules, type RuleKind, type Wanted } from './wanted.ts';

/** @throws ToolError */
export async function listRules(world: World, survey: Survey): Promise<readonly RuleEntry[]> {
  const [wanted, listings] = [await wantedRules(world.kernel, survey), await listTables(world.kernel.nft)];
  return [
    ...survey.traces.flatMap((trace) => publishedOf(world, trace)),
    ...survey.orphans.map(({ network, hash, elements }) => ({
      ...{ kind: 'published' as const, network, containerId: '', ifName: '', name: `mark ${hash}` },
      ...{ rule: elements.join(', '), state: 'orphan' as const },
    })),
    ...wanted.flatMap((each) => entriesOf(each, listings)),
    ...oldNetworks(survey, listings),
    ...limitRules(world, survey),
    ...(await nameRules(world, survey)),
    ...(await policyRules(world, survey)),
    ...(await bridgeRules(world, survey)),
  ];
}

function publishedOf({ kernel }: World, trace: Trace): readonly RuleEntry[] {
  if (trace.published === undefined) return [];
  const { record, missing } = trace.published;
  const isLost = trace.life === 'alive' && isLocalnetLost(kernel, record);
  return portsOf(record.publications).map((port) => {
    const from = port.allowFrom === undefined ? '' : ` from ${port.allowFrom.join(', ')}`;
    const state = isLost || missing.includes(describePort(port)) ? ('missing' as const) : ('ok' as const);
    const target = port.address.includes(':') ? `[${port.address}]` : port.address;
    return {
      ...identityOf(trace),
      kind: 'published',
      rule: `${describePort(port)} -> ${target}:${port.port}${from}`,
      state,
    };
  });
}

const identityOf = ({ network, attachment, name = '' }: Trace) => ({ network, ...attachment, name });

/** One entry a kind. */
function entriesOf({ trace, rules, unknown }: Wanted, listings: readonly Listing[]): readonly RuleEntry[] {
  const wrong = wrongKinds(rules, listings);
  const kinds = ['masquerade', 'guard', 'mss'] as const;
  return kinds.flatMap((kind): readonly RuleEntry[] => {
    const rule = wordsOf(kind, rules);
    if (unknown[kind] !== undefined) return [{ ...identityOf(trace), kind, rule: 'unknown', state: 'missing' }];
    if (rule === undefined) return [];
    return [{ ...identityOf(trace), kind, rule, state: wrong.has(kind) ? 'missing' : 'ok' }];
  });
}

/** What a difference is about is told by the table and by the kind of chain or map that it names. */
function wrongKinds(rules: AttachmentRules, listings: readonly Listing[]): ReadonlySet<RuleKind> {
  const { missing, surplus } = differencesOf(rules, listings);
  return new Set(
    [...missing, ...surplus].flatMap((words): readonly RuleKind[] => {
      if (/^table inet /.test(words)) return ['masquerade', 'mss'];
      if (/table bridge |map have_port/.test(words)) return ['guard'];
      if (/chain clamp_|map clamped|map have_clamp|chain forward/.test(words)) return ['mss'];
      return rules.masquerade !== undefined ? ['masquerade'] : rules.clamped !== undefined ? ['mss'] : ['guard'];
    }),
  );
}

function wordsOf(kind: RuleKind, { masquerade, antiSpoof, clamped }: AttachmentRules): string | undefined {
  if (kind === 'guard') return antiSpoof && [antiSpoof.mac, ...(antiSpoof.addresses ?? [])].join(' ');
  if (kind === 'mss') return clamped?.join(', ');
  if (masquerade === undefined) return undefined;
  const source = masquerade.snat4 ?? masquerade.snat6;
  return `${masquerade.addresses.join(', ')}${source === undefined ? '' : ` as ${source}`}`;
}

/** Chains of version 0.1.0, which serve a whole network. */
function oldNetworks({ subjects, traces }: Survey, listings: readonly Listing[]): readonly RuleEntry[] {
  const names = new Map(subjects.map(({ name }) => [networkHash(name), name]));
  const known = new Set(listings.flatMap(legacyNetworks).map(({ networkHash: hash }) => hash));
  return [...known].flatMap((hash): readonly RuleEntry[] => {
    const network = names.get(hash);
    // Of a network that was not asked for, or that nothing is known of.
    if (network === undefined) return [];
    const state = traces.some((trace) => trace.network === network && trace.life === 'alive') ? 'ok' : 'unused';
    return [{ kind: 'masquerade', network, containerId: '', ifName: '', name: '', rule: 'of version 0.1.0', state }];
  });
}
