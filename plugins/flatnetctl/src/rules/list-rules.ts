/** Every rule that flatnet has, or should have, in the kernel, with its owner. Changes nothing. */
import { networkHash } from '@flatnet/cni';
import {
  clampChain,
  guardRemains,
  isPortGuarded,
  listNft,
  masqueradeTags,
  missingMasquerade,
  portChain,
  type NftObject,
} from '@flatnet/kernel';
import { describePort, portsOf, type Standing } from '@flatnet/hostport';
import { hostEndOf } from '../chain/life.ts';
import type { Survey, Trace } from '../ipam/survey.ts';
import type { World } from '../world.ts';
import { clampedTraces } from './clamps.ts';
import { guardedTraces } from './guards.ts';
import { wantedMasquerades, type WantedMasquerade } from './masquerade.ts';

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
async function chainsPerContainer(world: World, survey: Survey): Promise<readonly RuleEntry[]> {
  const [guarded, clamped] = [guardedTraces(survey), clampedTraces(survey)];
  const remains = guarded.length === 0 ? undefined : await guardRemains(world.run);
  const clamps = clamped.length === 0 ? new Set<string>() : await inetChains(world);
  return [
    ...guarded.map(({ trace }): RuleEntry => {
      const [tag, port] = [networkHash(trace.network), hostEndOf(trace.network, trace.attachment)];
      const state = remains !== undefined && isPortGuarded(remains, tag, port) ? 'ok' : 'missing';
      return { ...ownerOf(trace), kind: 'guard', rule: `chain ${portChain(tag, port)}`, state };
    }),
    ...clamped.map((trace): RuleEntry => {
      const chain = clampChain(networkHash(trace.network));
      return { ...ownerOf(trace), kind: 'mss', rule: `chain ${chain}`, state: clamps.has(chain) ? 'ok' : 'missing' };
    }),
  ];
}

async function inetChains(world: World): Promise<ReadonlySet<string>> {
  const objects = (await listNft(world.run, { family: 'inet', table: 'flatnet', terse: true })) ?? [];
  const names = objects.flatMap((object) => {
    const name = (object['chain'] as NftObject | undefined)?.['name'];
    return typeof name === 'string' ? [name] : [];
  });
  return new Set(names);
}
