/**
 * The host's side of an attachment that lives, made once more as ADD made it: the bridge, its MAC and addresses, its port, forwarding. What
 * is inside of the container is not touched, and a veth pair that is gone cannot be made without its runtime.
 */
import { parseResult, type CniVersion } from '@flatnet/cni';
import { linkExists, type Kernel } from '@flatnet/kernel';
import type { CheckRequest } from '@flatnet/skel';
import { createNetworkBridge, networkMtu } from './bridge.ts';
import { hostDifferences } from './check-host.ts';
import { belongsTo } from './claim.ts';
import { decodeConfig, type FlatnetConfig } from './config.ts';
import { ensureGateways } from './gateway.ts';
import { recordedPlan, recordedTopology } from './recorded.ts';
import { joinChanges, quietHostEnd } from './veth.ts';
import { gatewayDevice } from './vlan.ts';
import { joinVlans } from './vlan-port.ts';

/** An attachment as its runtime recorded it. */
export interface Recorded {
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly netns: string;
  /** CNI_ARGS of ADD. */
  readonly args: ReadonlyMap<string, string>;
  readonly cniVersion: CniVersion;
  /** The plugin's configuration as its executable got it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The result of ADD, in the form of `cniVersion`. */
  readonly result: unknown;
}

export interface Restored {
  /** What was wrong and is right now, in the words of CHECK. */
  readonly mended: readonly string[];
  /** What is wrong still. */
  readonly left: readonly string[];
}

/** What is wrong on the host, in the words of CHECK. Nothing is changed. @throws CniError: a configuration or result that cannot be read. */
export async function hostFaults(recorded: Recorded, kernel: Kernel): Promise<readonly string[]> {
  const request = await requestOf(recorded);
  const plan = recordedPlan(request);
  return hostDifferences(kernel, plan, recordedTopology(request, plan), request.prevResult);
}

/** @throws CniError, RtnetlinkError: what stands in the way, like an address that the bridge got from another program. */
export async function restore(recorded: Recorded, kernel: Kernel): Promise<Restored> {
  const request = await requestOf(recorded);
  const plan = recordedPlan(request);
  const topology = recordedTopology(request, plan);
  const differences = (): readonly string[] => hostDifferences(kernel, plan, topology, request.prevResult);
  const before = differences();
  const port = kernel.rtnetlink.findLink(plan.hostVeth);
  if (before.length === 0 || port === undefined || !belongsTo(plan, port)) return { mended: [], left: before };
  const { bridge, vlans } = plan.config;
  // The network's MTU may follow from the way out, and this attachment's was chosen at its ADD.
  if (!linkExists(kernel, bridge)) createNetworkBridge(kernel, plan, port.mtu || networkMtu(kernel, plan));
  kernel.rtnetlink.change(`attach ${plan.hostVeth} to bridge ${bridge} again`, joinChanges(plan));
  quietHostEnd(kernel, plan.hostVeth);
  if (vlans !== undefined) joinVlans(kernel, plan, vlans);
  const device = gatewayDevice(bridge, vlans);
  // The subnet was free at ADD, and is this network's since.
  ensureGateways(kernel, topology?.gateways ?? [], { device, forceAddress: false, allowOverlap: true });
  const left = differences();
  return { mended: before.filter((difference) => !left.includes(difference)), left };
}

async function requestOf(recorded: Recorded): Promise<CheckRequest<FlatnetConfig>> {
  const { network, containerId, ifName, netns, args, cniVersion, config, result } = recorded;
  return {
    verb: 'CHECK',
    ...{ cniVersion, network, netns, args, attachment: { containerId, ifName }, cniPath: [] },
    config: decodeConfig({ ...config, name: network }, 'CHECK'),
    prevResult: await parseResult(result, cniVersion, 'prevResult'),
    invocation: { env: {}, stdin: new Uint8Array() },
    signal: new AbortController().signal,
    phase: (_name, work) => Promise.resolve(work()),
    note: () => undefined,
  };
}
