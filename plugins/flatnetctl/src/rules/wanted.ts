/** The rules of attachments as the plugins make them, from what is recorded of the attachments. */
import { type Cidr } from '@flatnet/addressing';
import { networkHash, type PluginConfig } from '@flatnet/cni';
import type { Kernel } from '@flatnet/kernel';
import type { AttachmentRules, Maker, RuleOwner } from '@flatnet/rules';
import { ipamOf, mainPlugin, type Network } from '../conflist/model.ts';
import { bridgeOf } from '../network/describe.ts';
import type { Survey, Trace } from '../ipam/survey.ts';
import { cidrsOf, configurationOf, macOfTrace } from './recorded.ts';
import { wishesOf } from './wishes.ts';

/** What one plugin shall have in the kernel for one attachment. */
export interface Wanted {
  readonly trace: Trace;
  readonly rules: AttachmentRules;
  /** Why a part that is configured is not among the rules, by the kind of the part. */
  readonly unknown: Readonly<Partial<Record<RuleKind, string>>>;
}

export type RuleKind = 'masquerade' | 'guard' | 'mss';

/** Of every attachment that lives, connected by flatnet, or masqueraded by flatnet-portmap behind another main plugin. */
export async function wantedRules(kernel: Kernel, survey: Survey): Promise<readonly Wanted[]> {
  const wanted: Wanted[] = [];
  for (const trace of survey.traces) {
    const config = configurationOf(trace, survey);
    if (config === undefined || trace.life !== 'alive') continue;
    const cidrs = cidrsOf(trace, config);
    if (mainPlugin(config).type === 'flatnet' && trace.linked)
      wanted.push(await wantedOfMain(kernel, trace, config, cidrs));
    const portmap = config.plugins.find(({ type, ipMasq }) => type === 'flatnet-portmap' && ipMasq === true);
    if (portmap !== undefined) wanted.push(wantedOfPortmap(trace, portmap, cidrs));
  }
  return wanted;
}

const ownerOf = (maker: Maker, { network, mark }: Trace): RuleOwner => ({
  ...{ maker, networkHash: networkHash(network), attachment: mark.slice(0, 12) },
});

const NO_ADDRESSES = 'neither a result of ADD nor a lease tells its addresses: restart the container';
const NO_MAC = 'no result of ADD tells its MAC: restart the container';

const masqueradeOf = (cidrs: readonly Cidr[]) => ({
  addresses: cidrs.map(({ ip }) => String(ip)),
  subnets: [...new Set(cidrs.map(({ network, prefix }) => `${network}/${prefix}`))],
});

async function wantedOfMain(kernel: Kernel, trace: Trace, config: Network, cidrs: readonly Cidr[]): Promise<Wanted> {
  const main = mainPlugin(config);
  const { guard, clamp } = wishesOf(config);
  const addresses = cidrs.map(({ ip }) => String(ip));
  const isMasqueradeWanted = isMasqueraded(main);
  const unknown: Partial<Record<RuleKind, string>> = {};
  if (addresses.length === 0 && isMasqueradeWanted) unknown.masquerade = NO_ADDRESSES;
  if (addresses.length === 0 && clamp) unknown.mss = NO_ADDRESSES;
  const antiSpoof = guard === undefined ? undefined : await antiSpoofOf(kernel, trace, config, guard, addresses);
  if (typeof antiSpoof === 'string') unknown.guard = antiSpoof;
  const device = main['vlan'] === undefined ? bridgeOf(config) : undefined;
  return {
    trace,
    unknown,
    rules: {
      owner: ownerOf('flatnet', trace),
      ...(device === undefined ? {} : { device }),
      ...(isMasqueradeWanted && addresses.length > 0 ? { masquerade: masqueradeOf(cidrs) } : {}),
      ...(clamp && addresses.length > 0 ? { clamped: addresses } : {}),
      ...(typeof antiSpoof === 'object' ? { antiSpoof } : {}),
    },
  };
}

/** The flatnet plugin's rule: a configuration that says nothing of routing wants a network that works. */
function isMasqueraded({ internal, ipMasq, isGateway, isDefaultGateway }: PluginConfig): boolean {
  if (internal === true) return false;
  const saysNothing = [ipMasq, isGateway, isDefaultGateway].every((key) => key === undefined || key === null);
  return typeof ipMasq === 'boolean' ? ipMasq : saysNothing;
}

/** @returns why it cannot be told. Without IPAM, and for `macspoofchk`, only the MAC is looked at. */
async function antiSpoofOf(
  kernel: Kernel,
  trace: Trace,
  config: Network,
  guard: 'all' | 'mac',
  addresses: readonly string[],
): Promise<NonNullable<AttachmentRules['antiSpoof']> | string> {
  const mac = macOfTrace(kernel, trace, addresses[0]);
  if (mac === undefined) return NO_MAC;
  const ipam = ipamOf(config)['type'];
  if (guard === 'mac' || typeof ipam !== 'string' || ipam === '') return { mac };
  return addresses.length === 0 ? NO_ADDRESSES : { mac, addresses };
}

function wantedOfPortmap(trace: Trace, { snatAddress }: PluginConfig, cidrs: readonly Cidr[]): Wanted {
  const owner = ownerOf('flatnet-portmap', trace);
  if (cidrs.length === 0) return { trace, rules: { owner }, unknown: { masquerade: NO_ADDRESSES } };
  const given = [snatAddress].flat().filter((text): text is string => typeof text === 'string' && text !== '');
  const [snat4, snat6] = [given.find((text) => !text.includes(':')), given.find((text) => text.includes(':'))];
  const source = { ...(snat4 === undefined ? {} : { snat4 }), ...(snat6 === undefined ? {} : { snat6 }) };
  return { trace, rules: { owner, masquerade: { ...masqueradeOf(cidrs), ...source } }, unknown: {} };
}
