/**
 * ADD. Invariant: refuse, arm, act, report. What is waited for runs at the same time:
 *
 *   delegate ADD  -----------------------------------------------------------\
 *   bridge, veth, host end up -- sysctls in the netns -- masquerade there? --+-- gateway on the bridge --+-- addresses, routes, up (netns)
 *                                                                                                      +-- rules (host)
 */
import { parseCidr } from '@flatnet/addressing';
import { type AddResult, type IpamResult } from '@flatnet/cni';
import type { Run } from '@flatnet/exec';
import {
  applyIp,
  applySysctls,
  clampMss,
  dropGuard,
  ensureGuard,
  ensureMasquerade,
  linkExists,
  showDefaults,
  standingMasquerade,
  type GuardedPort,
  type Kernel,
} from '@flatnet/kernel';
import type { AddRequest, Rollback } from '@flatnet/skel';
import { ensureBridge, readBridgeMac } from './bridge.ts';
import { isGuarded, type FlatnetConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { awaitDad } from './dad.ts';
import { ensureGateways, refuseOverlap } from './gateway.ts';
import { planOf, type Plan } from './plan.ts';
import { routeRepliesBack } from './reply-routes.ts';
import { allSettledOrFirst } from './settle.ts';
import { subnetOf } from './subnet.ts';
import { containerCommands, containerSysctls, isDefault, topologyOf, type Topology } from './topology.ts';
import { AttachmentExists, connect, disconnect } from './veth.ts';
import { joinVlans } from './vlan-port.ts';
import { gatewayDevice } from './vlan.ts';

type Request = AddRequest<FlatnetConfig>;

export async function add(deps: Deps, request: Request, rollback: Rollback): Promise<AddResult> {
  const kernel = deps.kernel(request.signal);
  const plan = planOf(request);
  if (linkExists(kernel, plan.hostVeth)) throw new AttachmentExists(plan);
  // A delegated plugin that cannot be executed is refused while nothing is made yet.
  if (plan.config.ipamType !== undefined) deps.findPlugin(plan.config.ipamType, request.cniPath);
  const undo = armUndo(deps, request, plan, rollback);
  try {
    const leased = request.phase('delegate', () => askDelegate(deps, request));
    const isFirst = !linkExists(kernel, plan.config.bridge);
    // A bridge stays after DEL, so a network's first ADD is the only one that makes it: not for a delegate that refuses.
    // Nor for a subnet that is somebody else's.
    if (isFirst) await refuseTaken(kernel, plan, await leased);
    const attached = attach(kernel, request, plan);
    const asked = attached.then(() => (isFirst ? [] : askMasquerade(kernel.run, request, plan)));
    const [ipam, mtu, standing] = await allSettledOrFirst([leased, attached, asked]);
    const topology = ipam === undefined ? undefined : topologyOf(plan.config, plan.ifName, ipam);
    // Before the rules, which would stay: a gateway that is refused masquerades nobody's subnet.
    await request.phase('gateway', () => configureGateway(kernel, plan, topology));
    await allSettledOrFirst([
      // First what runs aside.
      request.phase('nft', () => configureRules(kernel.runAside, plan, topology, standing)),
      request.phase('container', () => configureContainer(kernel, plan, request, topology)),
    ]);
    return await resultOf(kernel, request, plan, mtu, ipam, topology);
  } catch (error) {
    undo.foreign = error instanceof AttachmentExists;
    throw error;
  }
}

/**
 * Undo in reverse: link, then lease; a link that stays keeps its address until the runtime's DEL. Story: ADD A and ADD B of the same
 * attachment at once; B is told by the kernel that the link exists. The link is A's, and so is the lease that the delegate answered B
 * with: B must undo neither.
 */
function armUndo(deps: Deps, request: Request, plan: Plan, rollback: Rollback): { foreign: boolean } {
  const state = { foreign: false };
  const { ipamType } = plan.config;
  let linkStays = false;
  if (ipamType !== undefined) {
    rollback.arm('lease', async () => {
      if (!state.foreign && !linkStays) await deps.delegateVerb('DEL', ipamType, request);
    });
  }
  rollback.arm(`link ${plan.hostVeth}`, async () => {
    if (state.foreign) return;
    linkStays = true;
    await disconnect(deps.kernel(), plan);
    linkStays = false;
  });
  if (isGuarded(plan.config)) {
    rollback.arm(`guard of port ${plan.hostVeth}`, async () => {
      if (!state.foreign) await dropGuard(deps.kernel().run, plan.tag, plan.hostVeth);
    });
  }
  return state;
}

async function askDelegate(deps: Deps, request: Request): Promise<IpamResult | undefined> {
  const { ipamType } = request.config;
  return ipamType === undefined ? undefined : deps.delegateAdd(ipamType, request, { signal: request.signal });
}

/** @returns the MTU of the pair. */
async function attach(kernel: Kernel, request: Request, plan: Plan): Promise<number> {
  const mtu = await request.phase('bridge', () => ensureBridge(kernel, plan));
  await request.phase('veth', () => connect(kernel, plan, request.netns, mtu));
  const settings = containerSysctls(plan.config, plan.ifName, plan.config.hints.ipv6);
  await request.phase('sysctl', () => applySysctls(kernel, request.netns, settings));
  const { vlans } = plan.config;
  if (vlans !== undefined) await request.phase('vlan', () => joinVlans(kernel, plan, vlans));
  return mtu;
}

async function configureContainer(
  kernel: Kernel,
  plan: Plan,
  { netns, signal }: Request,
  topology: Topology | undefined,
): Promise<void> {
  const { config, ifName } = plan;
  if (config.disableContainerInterface) return;
  if (topology === undefined) {
    await applyIp(kernel, `bring ${ifName} up`, [['link', 'set', 'dev', ifName, 'up']], netns);
    return;
  }
  const ipv6 = topology.addresses.some(({ cidr }) => cidr.ip.family === 6);
  // The configuration told nothing of the family that the delegate chose: its settings are made late.
  if (ipv6 !== config.hints.ipv6) await applySysctls(kernel, netns, containerSysctls(config, ifName, ipv6));
  const families = ([4, 6] as const).filter((family) =>
    topology.routes.some((route) => route.family === family && isDefault(route.dst)),
  );
  const commands = [...families.map(showDefaults), ...containerCommands(config, ifName, topology)];
  const printed = await applyIp(kernel, `configure ${ifName} in ${netns}`, commands, netns);
  await routeRepliesBack(kernel, plan, netns, topology, printed);
  if (ipv6 && config.enableDad) await awaitDad(kernel, ifName, netns, signal);
}

async function refuseTaken(kernel: Kernel, { config, ifName }: Plan, ipam: IpamResult | undefined): Promise<void> {
  if (ipam === undefined || config.allowOverlap) return;
  await refuseOverlap(kernel, topologyOf(config, ifName, ipam).gateways, config.bridge);
}

async function configureGateway(kernel: Kernel, { config }: Plan, topology: Topology | undefined): Promise<void> {
  if (topology === undefined) return;
  const { bridge, forceAddress, allowOverlap } = config;
  const device = gatewayDevice(bridge, config.vlans);
  await ensureGateways(kernel, topology.gateways, { device, forceAddress, allowOverlap });
}

/** Those of the subnets that the configuration names which are masqueraded already: asked while the delegate is at work, changes nothing. */
async function askMasquerade(run: Run, request: Request, { config, tag }: Plan): Promise<readonly string[]> {
  const { subnets } = config.hints;
  if (!config.ipMasq || subnets.length === 0) return [];
  return request.phase('nft', () => standingMasquerade(run, { tag, subnets }));
}

async function configureRules(
  run: Run,
  plan: Plan,
  topology: Topology | undefined,
  standing: readonly string[],
): Promise<void> {
  const { config, tag } = plan;
  const cidrs = topology?.addresses.map(({ cidr }) => cidr) ?? [];
  const masqueraded = topology?.masqueraded ?? [];
  const isStanding = masqueraded.every((subnet) => standing.includes(subnet));
  const subnets = networkSubnets(config.hints.subnets, masqueraded);
  await allSettledOrFirst([
    isStanding ? Promise.resolve() : ensureMasquerade(run, { tag, subnets }),
    isGuarded(config) ? ensureGuard(run, guardedPort(plan, topology)) : Promise.resolve(),
    config.clampMss && cidrs.length > 0 ? clampMss(run, tag, [...new Set(cidrs.map(subnetOf))]) : Promise.resolve(),
  ]);
}

/**
 * The subnets of this attachment, and with them all that the configuration names, so that the next ADD is told by one question that they
 * stand. Only what agrees with the answer: a delegated plugin may read `subnet` as a pool, or not at all, and no address of a pool that is
 * larger than the network may be taken for the network's own.
 */
function networkSubnets(named: readonly string[], answered: readonly string[]): readonly string[] {
  if (!answered.every((subnet) => named.includes(subnet))) return answered;
  const own = answered.map(parseCidr);
  return named.filter((subnet) => answered.includes(subnet) || !own.some((cidr) => cidr.overlaps(parseCidr(subnet))));
}

/** Without addresses (a layer 2 attachment) only the MAC is looked at. */
function guardedPort({ tag, hostVeth, containerMac, config }: Plan, topology: Topology | undefined): GuardedPort {
  const port = { tag, hostVeth, containerMac };
  if (!config.antiSpoof || topology === undefined) return port;
  return { ...port, addresses: topology.addresses.map(({ cidr }) => String(cidr.ip)) };
}

async function resultOf(
  kernel: Kernel,
  request: Request,
  plan: Plan,
  mtu: number,
  ipam: IpamResult | undefined,
  topology: Topology | undefined,
): Promise<AddResult> {
  const mac = await readBridgeMac(kernel, plan.config.bridge, plan.hostVeth);
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
