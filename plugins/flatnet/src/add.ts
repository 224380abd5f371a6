/**
 * ADD. Invariant: refuse, arm, act, report. The link comes first: it is this ADD's claim on the attachment (claim.ts). Then the delegated
 * plugin, a process of its own, finds an address while this one makes what needs none:
 *
 *   pair, bridge port --+-- delegate ADD -----+-- gateway on the bridge -- rules (host) -- MAC, addresses, routes, up (netns)
 *                       +-- sysctls, VLANs ---+
 *
 * On a network's first ADD the bridge is created after the delegate has answered: a bridge stays, and must not for an ADD that fails.
 */
import { type AddResult, type IpamResult } from '@flatnet/cni';
import { applySysctls, linkExists, setLink, type Kernel } from '@flatnet/kernel';
import type { AddRequest, Rollback } from '@flatnet/skel';
import { announce } from './announce.ts';
import { createNetworkBridge, networkMtu } from './bridge.ts';
import { nameInUse } from './claim.ts';
import type { FlatnetConfig } from './config.ts';
import { containerChanges, containerSysctls, neededSysctls, refuseUnreachable } from './container.ts';
import { awaitDad } from './dad.ts';
import type { Deps } from './deps.ts';
import { ensureGateways, refuseOverlap, refuseWithoutIpv6 } from './gateway.ts';
import { planOf, withFinalMac, type Plan } from './plan.ts';
import { applyRules } from './rules.ts';
import { allSettledOrFirst } from './settle.ts';
import { addSourceRouting, behindOthers, defaultRoutesBefore } from './source-routing.ts';
import { topologyOf, type Topology } from './topology.ts';
import { armUndo, type Made } from './undo.ts';
import { connect, joinChanges, pairChanges, quietHostEnd } from './veth.ts';
import { gatewayDevice } from './vlan.ts';
import { joinVlans } from './vlan-port.ts';

type Request = AddRequest<FlatnetConfig>;

/** What the steps of one ADD share. */
interface Attaching {
  readonly kernel: Kernel;
  readonly request: Request;
  readonly plan: Plan;
  readonly made: Made;
  readonly mtu: number;
  /** Settings that cannot be written and are not needed, for the log. */
  readonly unwritten: string[];
}

export async function add(deps: Deps, request: Request, rollback: Rollback): Promise<AddResult> {
  const kernel = deps.kernel(request.signal);
  const plan = planOf(request);
  const { config } = plan;
  refuseEarly(deps, kernel, request, plan);
  const made = armUndo(deps, request, plan, rollback);
  const isFirst = !linkExists(kernel, config.bridge);
  const mtu = await request.phase('bridge', () => networkMtu(kernel, plan));
  const step: Attaching = { kernel, request, plan, made, mtu, unwritten: [] };

  await request.phase('veth', () => createPair(step, isFirst));
  made.lease = config.ipamType !== undefined;
  const leased = request.phase('delegate', () => askDelegate(deps, request));
  if (isFirst) refuseTaken(kernel, plan, await leased);
  const [ipam] = await allSettledOrFirst([leased, prepare(step, isFirst)]);

  const topology = ipam === undefined ? undefined : topologyOf(config, plan.ifName, ipam);
  if (topology !== undefined) refuseUnreachable(topology);
  const final = withFinalMac(kernel, plan, topology);
  await request.phase('gateway', () => configureGateway(step, topology));
  made.rules = true;
  await request.phase('nft', () => applyRules(kernel, final, topology));
  await request.phase('container', () => configureContainer(step, final, topology));
  noteUnusual(step, topology);
  return resultOf(step, final, ipam, topology);
}

/** Everything that can be refused while nothing is made. */
function refuseEarly(deps: Deps, kernel: Kernel, { cniPath }: Request, plan: Plan): void {
  const { bridge, hints, ipamType, isGateway, vlans } = plan.config;
  if (linkExists(kernel, plan.hostVeth)) throw nameInUse(kernel, plan);
  if (isGateway) refuseWithoutIpv6(kernel, gatewayDevice(bridge, vlans), hints.subnets);
  if (ipamType !== undefined) deps.findPlugin(ipamType, cniPath);
}

async function askDelegate(deps: Deps, request: Request): Promise<IpamResult | undefined> {
  const { ipamType } = request.config;
  return ipamType === undefined ? undefined : deps.delegateAdd(ipamType, request, { signal: request.signal });
}

/** The pair, in the bridge at once where that exists. */
function createPair({ kernel, request: { netns }, plan, made, mtu }: Attaching, isFirst: boolean): void {
  const pair = pairChanges(plan, { netns, mtu, claim: made.claim });
  connect(kernel, plan, netns, isFirst ? pair : [...pair, ...joinChanges(plan)], made);
}

/** What needs no answer of the delegate. */
async function prepare(step: Attaching, isFirst: boolean): Promise<void> {
  const { kernel, request, plan, unwritten } = step;
  const { config, hostVeth, ifName } = plan;
  if (isFirst) await request.phase('bridge', () => joinNewBridge(step));
  unwritten.push(...quietHostEnd(kernel, hostVeth));
  const { vlans } = config;
  if (vlans !== undefined) await request.phase('vlan', () => joinVlans(kernel, plan, vlans));
  const { ipv6 } = config.hints;
  const settings = containerSysctls(config, ifName, ipv6);
  const apply = (): readonly string[] => applySysctls(kernel, request.netns, settings, neededSysctls(ifName, ipv6));
  unwritten.push(...(await request.phase('sysctl', apply)));
}

function joinNewBridge({ kernel, request, plan, made, mtu, unwritten }: Attaching): void {
  unwritten.push(...createNetworkBridge(kernel, plan, mtu));
  connect(kernel, plan, request.netns, joinChanges(plan), made);
}

async function configureContainer(
  { kernel, request: { netns, signal }, unwritten }: Attaching,
  plan: Plan,
  topology: Topology | undefined,
): Promise<void> {
  const { config, ifName } = plan;
  if (config.disableContainerInterface) return;
  if (topology === undefined) {
    kernel.rtnetlink.change(`bring ${ifName} up`, [setLink(ifName, { up: true })], netns);
    return;
  }
  const ipv6 = topology.addresses.some(({ cidr }) => cidr.ip.family === 6);
  // The configuration told nothing of the family that the delegate chose: its settings are made late.
  if (ipv6 !== config.hints.ipv6) {
    const settings = containerSysctls(config, ifName, ipv6);
    unwritten.push(...applySysctls(kernel, netns, settings, neededSysctls(ifName, ipv6)));
  }
  const before = defaultRoutesBefore(kernel, netns, topology);
  const changes = containerChanges(plan, behindOthers(topology, before));
  kernel.rtnetlink.change(`configure ${ifName} in ${netns}`, changes, netns);
  addSourceRouting(kernel, plan, netns, topology, before);
  // A MAC that follows from the address is the one that neighbours know.
  if (plan.isMacChosen || config.ipamType === 'dhcp') await announce(kernel, plan, netns);
  if (ipv6 && config.enableDad) await awaitDad(kernel, ifName, netns, signal);
}

function refuseTaken(kernel: Kernel, { config, ifName }: Plan, ipam: IpamResult | undefined): void {
  if (ipam === undefined || config.allowOverlap) return;
  refuseOverlap(kernel, topologyOf(config, ifName, ipam).gateways, config.bridge);
}

function configureGateway({ kernel, plan: { config }, unwritten }: Attaching, topology: Topology | undefined): void {
  if (topology === undefined) return;
  const { bridge, forceAddress, allowOverlap } = config;
  const device = gatewayDevice(bridge, config.vlans);
  unwritten.push(...ensureGateways(kernel, topology.gateways, { device, forceAddress, allowOverlap }));
}

/** For the log line of this call. */
function noteUnusual({ request, unwritten }: Attaching, topology: Topology | undefined): void {
  const { leftOut = [] } = topology ?? {};
  const notes = [
    ...(unwritten.length === 0 ? [] : [`cannot be written, and not needed: ${[...new Set(unwritten)].join(' ')}`]),
    ...(leftOut.length === 0 ? [] : [`routes without an address of their family, left out: ${leftOut.join(' ')}`]),
  ];
  if (notes.length > 0) request.note(notes.join('; '));
}

function resultOf(
  { kernel, request, mtu }: Attaching,
  plan: Plan,
  ipam: IpamResult | undefined,
  topology: Topology | undefined,
): AddResult {
  const { mac } = kernel.rtnetlink.findLink(plan.config.bridge) ?? {};
  return {
    interfaces: [
      { name: plan.config.bridge, ...(mac === undefined ? {} : { mac }), mtu },
      { name: plan.hostVeth, mac: plan.hostMac, mtu },
      { name: plan.ifName, mac: plan.containerMac, sandbox: request.netns, mtu },
    ],
    ips: topology?.result.ips ?? [],
    routes: topology?.result.routes ?? [],
    dns: plan.config.dns ?? ipam?.dns ?? {},
  };
}
