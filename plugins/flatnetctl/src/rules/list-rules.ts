/** Every rule that flatnet has, or should have, in the kernel, with its owner. Changes nothing. */
import { networkHash } from '@flatnet/cni';
import { listNft, masqueradeTags, missingMasquerade, type NftObject } from '@flatnet/kernel';
import { describePort, portsOf, type Standing } from '@flatnet/kernel/hostport';
import { mainPlugin } from '../conflist/model.ts';
import type { Survey, Trace } from '../ipam/survey.ts';
import type { World } from '../world.ts';
import { configOf, wantedMasquerades, type WantedMasquerade } from './masquerade.ts';

/** The shape is what `-o json` prints; keys are only ever added. */
export interface RuleEntry {
  readonly kind: 'published' | 'masquerade' | 'guard' | 'mss';
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly name: string;
  readonly rule: string;
  /** `missing`: recorded, not in the kernel. `orphan`: in the kernel, recorded by nobody. `unused`: its network has no container. */
  readonly state: 'ok' | 'missing' | 'orphan' | 'unused';
}

/** @throws ToolError */
export async function listRules(world: World, survey: Survey): Promise<readonly RuleEntry[]> {
  const wanted = [...wantedMasquerades(survey), ...ownMasquerades(survey)];
  return [
    ...survey.traces.flatMap(publishedOf),
    ...survey.orphans.map(({ network, hash, elements }) => ({
      ...{ kind: 'published' as const, network, containerId: '', ifName: '', name: `mark ${hash}` },
      ...{ rule: elements.join(', '), state: 'orphan' as const },
    })),
    ...(await masquerades(world, survey, wanted)),
    ...(await chainsPerContainer(world, survey)),
  ];
}

function publishedOf(trace: Trace): readonly RuleEntry[] {
  if (trace.published === undefined) return [];
  const { record, missing } = trace.published;
  return portsOf(record.publications).map((port) => {
    const from = port.allowFrom === undefined ? '' : ` from ${port.allowFrom.join(', ')}`;
    const state = missing.includes(describePort(port)) ? ('missing' as const) : ('ok' as const);
    const target = port.address.includes(':') ? `[${port.address}]` : port.address;
    return {
      ...ownerOf(trace),
      kind: 'published',
      rule: `${describePort(port)} -> ${target}:${port.port}${from}`,
      state,
    };
  });
}

const ownerOf = ({ network, attachment, name = '' }: Trace) => ({ network, ...attachment, name });

/** Those of flatnet-portmap, with `ipMasq` behind another main plugin. */
const ownMasquerades = ({ traces }: Survey): readonly WantedMasquerade[] => {
  const found = traces.flatMap(({ network, life, published }) => {
    const masquerade = (published as Standing | undefined)?.record.masquerade;
    return masquerade === undefined || life === 'gone' ? [] : [{ network, masquerade }];
  });
  return [...new Map(found.map((each) => [each.masquerade.tag, each])).values()];
};

async function masquerades(
  world: World,
  { subjects }: Survey,
  wanted: readonly WantedMasquerade[],
): Promise<readonly RuleEntry[]> {
  const nobody = { kind: 'masquerade' as const, containerId: '', ifName: '', name: '' };
  const needed = wanted.map(async ({ network, masquerade }): Promise<RuleEntry> => {
    const missing = await missingMasquerade(world.run, masquerade);
    const source = masquerade.snat4 ?? masquerade.snat6;
    const rule = `${masquerade.subnets.join(', ')}${source === undefined ? '' : ` as ${source}`}`;
    return { ...nobody, network, rule, state: missing.length === 0 ? 'ok' : 'missing' };
  });
  const tags = new Map(subjects.map(({ name }) => [networkHash(name), name]));
  const known = new Set(wanted.map(({ masquerade }) => masquerade.tag));
  const others = (await masqueradeTags(world.run))
    .filter((tag) => !known.has(tag))
    .map((tag): RuleEntry => {
      const network = tags.get(tag.replace(/^p/, '')) ?? '';
      return { ...nobody, network, rule: `chain net_${tag}`, state: network === '' ? 'orphan' : 'unused' };
    });
  return [...(await Promise.all(needed)), ...others];
}

/** Anti-spoof guards per port and segment-size clamps per network: there or not, as the configuration asks for. */
async function chainsPerContainer(world: World, { traces, subjects }: Survey): Promise<readonly RuleEntry[]> {
  const wanted = traces.flatMap((trace) => {
    const config = configOf(trace, subjects.find(({ name }) => name === trace.network)?.file?.network);
    if (config === undefined || !trace.linked) return [];
    const { antiSpoof, macspoofchk, clampMSS } = mainPlugin(config);
    const tag = networkHash(trace.network);
    return [
      ...(antiSpoof === true || macspoofchk === true
        ? [{ trace, kind: 'guard' as const, chain: `port_${tag}_${trace.mark.slice(0, 12)}` }]
        : []),
      ...(clampMSS === true ? [{ trace, kind: 'mss' as const, chain: `mss_${tag}` }] : []),
    ];
  });
  if (wanted.length === 0) return [];
  const present = new Set([...(await chainsOf(world, 'bridge')), ...(await chainsOf(world, 'inet'))]);
  return wanted.map(({ trace, kind, chain }) => ({
    ...ownerOf(trace),
    kind,
    rule: `chain ${chain}`,
    state: present.has(chain) ? 'ok' : 'missing',
  }));
}

async function chainsOf(world: World, family: 'bridge' | 'inet'): Promise<readonly string[]> {
  const objects = (await listNft(world.run, { family, table: 'flatnet', terse: true })) ?? [];
  return objects.flatMap((object) => {
    const name = (object['chain'] as NftObject | undefined)?.['name'];
    return typeof name === 'string' ? [name] : [];
  });
}
