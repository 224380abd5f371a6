/** A request -> what has to hold for its network and its attachment. */
import { parseCidr } from '@flatnet/addressing';
import { type AddResult, CniError, ErrorCode, networkHash, ownerOf } from '@flatnet/cni';
import type { Kernel } from '@flatnet/kernel';
import type { Network, WantedRules } from '@flatnet/policy';
import { peerPatterns, matches, select, verdictsOf } from '@flatnet/policy/language';
import { type AddRequest, chainedResult } from '@flatnet/skel';
import { type FirewallConfig, namesIn, type Pick } from './config.ts';
import { deviceOf } from './device.ts';
import { refuse } from './field.ts';
import { linkLocalOf } from './link-local.ts';

type Request = AddRequest<FirewallConfig>;

export interface Wanted {
  readonly result: AddResult;
  /** Absent where packets of the container come by no bridge, and nothing is asked for. */
  readonly rules?: WantedRules;
}

/** @throws CniError code 7; RtnetlinkError. */
export function wantedOf(kernel: Kernel, request: Request): Wanted {
  const { config, network: name, attachment, netns } = request;
  const result = chainedResult(request, 'flatnet-firewall');
  const picks = [...namesIn(request.args.get('FLATNET_POLICY')).map(fromArgs), ...config.picks];
  const names = [...namesIn(request.args.get('K8S_POD_NAME')).slice(0, 1), ...config.aliases];
  const selected = selectOf(config, name, names, picks);
  const device = deviceOf(kernel, result);
  if (device === undefined) {
    if (asksForNothing(config)) return { result };
    throw new CniError(
      ErrorCode.invalidConfig,
      `network ${name} has no bridge whose packets could be judged`,
      'prevResult.interfaces has no bridge, and no port of one: chain it behind flatnet or bridge',
    );
  }
  const { bridge, port } = device;
  return {
    result,
    rules: {
      network: networkOf(config, name, bridge),
      attachment: {
        ...{ owner: ownerOf(name, attachment), bridge, names, verdicts: verdictsOf(selected) },
        addresses: addressesOf(result, attachment.ifName),
        peers: peerPatterns(config.policies).filter((pattern) => matches(pattern, names)),
      },
      picks: picks.map((pick) => pick.name),
      netns,
      ...(port === undefined ? {} : { port }),
    },
  };
}

const fromArgs = (name: string): Pick => ({ name, source: 'FLATNET_POLICY' });

const asksForNothing = ({ ingressPolicy, external, policies }: FirewallConfig): boolean =>
  ingressPolicy === 'open' && external === 'open' && policies.length === 0;

function selectOf(config: FirewallConfig, network: string, names: readonly string[], picks: readonly Pick[]) {
  const selected = select(
    config.policies,
    network,
    names,
    picks.map(({ name }) => name),
  );
  if (!('unknown' in selected)) return selected;
  const { source } = picks.find(({ name }) => name === selected.unknown) as Pick;
  return refuse(
    `${source}: network ${network} has no policy ${JSON.stringify(selected.unknown)}; name one of its "policies"`,
  );
}

/** What of the configuration is the network's. */
export const networkOf = (config: FirewallConfig, name: string, bridge: string): Network => ({
  ...{ name, hash: networkHash(name), bridge },
  ingressPolicy: config.ingressPolicy,
  external: config.external,
  isolatePublished: config.isolatePublished,
  allowNetworks: config.allowNetworks,
  isListed: config.policies.some(({ egress }) => egress !== undefined),
  judgesSiblings: config.ingressPolicy === 'isolated' || config.policies.length > 0,
});

/** Those of the container's interface, with the link-local one that the kernel makes of its MAC. */
function addressesOf({ ips, interfaces }: AddResult, ifName: string): readonly string[] {
  const own = interfaces.findIndex(({ name, sandbox }) => name === ifName && sandbox !== undefined && sandbox !== '');
  const mac = interfaces[own]?.mac;
  const addresses = ips
    .filter((ip) => ip.interface === undefined || own < 0 || ip.interface === own)
    .map(({ address }) => String(parseCidr(address).ip));
  return [...new Set([...addresses, ...(mac === undefined || mac === '' ? [] : [linkLocalOf(mac)])])];
}
