/** A request -> what has to hold for its network and its attachment. */
import { parseCidr } from '@flatnet/addressing';
import { type AddResult, CniError, ErrorCode, networkHash, ownerOf } from '@flatnet/cni';
import { gatewayDeviceOf, type Kernel } from '@flatnet/kernel';
import { networkOf, type WantedRules } from '@flatnet/policy';
import { choose, type Settings } from '@flatnet/policy/language';
import { type AddRequest, chainedResult } from '@flatnet/skel';
import { type FirewallConfig, namesIn, type Pick } from './config.ts';
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
  const { verdicts, peers, selected } = choiceOf(config, name, names, picks);
  const device = gatewayDeviceOf(kernel, result);
  if (device === undefined) {
    if (asksForNothing(config)) return { result };
    throw new CniError(
      ErrorCode.invalidConfig,
      `network ${name} has no bridge whose packets could be judged`,
      'prevResult.interfaces has no bridge, and no port of one: chain it behind flatnet or bridge',
    );
  }
  const { name: bridge, port } = device;
  return {
    result,
    rules: {
      network: networkOf(settingsOf(config), {
        ...{ name, hash: networkHash(name), bridge, firewalldZone: config.firewalldZone },
        ...(config.backend === undefined ? {} : { backend: config.backend }),
      }),
      attachment: {
        ...{ owner: ownerOf(name, attachment), bridge, names, verdicts, peers },
        addresses: addressesOf(result, attachment.ifName),
      },
      picks: picks.map((pick) => pick.name),
      selected,
      netns,
      ...(port === undefined ? {} : { port }),
    },
  };
}

const fromArgs = (name: string): Pick => ({ name, source: 'FLATNET_POLICY' });

const asksForNothing = ({ ingressPolicy, external, policies }: FirewallConfig): boolean =>
  ingressPolicy === 'open' && external === 'open' && policies.length === 0;

function choiceOf(config: FirewallConfig, network: string, names: readonly string[], picks: readonly Pick[]) {
  const asked = picks.map(({ name }) => name);
  const choice = choose(config, network, names, asked);
  if (!('unknown' in choice)) return choice;
  const { source } = picks.find(({ name }) => name === choice.unknown) as Pick;
  const policy = JSON.stringify(choice.unknown);
  return refuse(`${source}: network ${network} has no policy ${policy}; name one of its "policies"`);
}

const settingsOf = ({
  ingressPolicy,
  external,
  allowNetworks,
  isolatePublished,
  policies,
}: FirewallConfig): Settings => ({
  ...{ ingressPolicy, external, allowNetworks, isolatePublished, policies },
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
