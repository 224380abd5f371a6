import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { parseIpOrCidr } from '@flatnet/addressing';
import { assertContainerId, assertIfName, type Attach, CniError, hasCapability } from '@flatnet/cni';
import { asRun } from '../conflist/as-run.ts';
import { decodeNetwork, decodeSinglePlugin, mainPlugin, type Network } from '../conflist/model.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { readable } from '../conflist/subnets.ts';
import { problem, usage } from '../failure.ts';
import { holdingsOf } from '../ipam/leases.ts';
import { dropCached, findCached, storeCached, type CachedAttachment, type Identity } from './cache.ts';
import { hostEndOf, hostLinks, lifeOf, namespaceAt } from './life.ts';
import { underAttachmentLock } from './operator-lock.ts';
import type { PortMapping } from './port-mapping.ts';
import type { ChainContext } from './context.ts';
import { readResult, sandboxOf } from './result.ts';
import { addChain, checkChain, delChain } from './run-chain.ts';

export interface Wishes {
  readonly ips: readonly string[];
  readonly mac?: string;
  readonly ports: readonly PortMapping[];
  /** The container's name, which plugins log and IPAM remembers (`K8S_POD_NAME`, as Podman passes it). */
  readonly name?: string;
}

/**
 * `--netns` as people give it: a path, a name of `ip netns`, or the pid of a process in the namespace.
 *
 * @param next what to do when nothing is there.
 * @throws OperatorError
 */
export function netnsPath(text: string, next = 'ip netns list, or lsns -t net'): string {
  const named = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$/.test(text) ? `/run/netns/${text}` : text;
  const path = /^[1-9][0-9]*$/.test(text) ? `/proc/${text}/ns/net` : named;
  const found = namespaceAt(path);
  if (found === undefined) throw problem(`there is no network namespace at ${path}`, next);
  if (found === 'no namespace') {
    throw usage(`${path} is not a network namespace`, 'give /run/netns/NAME, /proc/PID/ns/net, or a PID');
  }
  return path;
}

/** The container id of an attachment without a given name: the same for every spelling of one namespace. */
export function idOfNetns(path: string): string {
  const { ino } = statSync(path);
  return `flatnetctl-${createHash('sha256').update(String(ino)).digest('hex').slice(0, 20)}`;
}

/** @throws OperatorError (usage) */
export function assertIdentity(containerId: string, ifName: string): void {
  try {
    assertContainerId(containerId);
    assertIfName(ifName);
  } catch (error) {
    if (error instanceof CniError) throw usage(error.message, error.details.replace(/CNI_\w+/, 'it'));
    throw error;
  }
}

/**
 * How wishes reach the plugins: by the capability where the chain declares it, else by CNI_ARGS, which only carry one address
 * and a MAC.
 *
 * @throws OperatorError when the chain cannot take a wish.
 */
export function argumentsOf(network: Network, wishes: Wishes): Pick<Attach, 'cniArgs' | 'capabilityArgs'> {
  const can = (capability: string): boolean => network.plugins.some((plugin) => hasCapability(plugin, capability));
  const cniArgs: [string, string][] = [['IgnoreUnknown', '1']];
  const capabilityArgs: Record<string, unknown> = {};
  const { ips, mac, ports, name } = wishes;
  const bad = ips.find((ip) => readable(() => parseIpOrCidr(ip)) === undefined);
  if (bad !== undefined) throw usage(`${JSON.stringify(bad)} is not an IP address`, 'give one like 10.87.0.10');
  if (name !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw usage(`${JSON.stringify(name)} is not a container name`, 'use letters, digits, "_", "." and "-"');
  }
  if (mac !== undefined && !/^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/.test(mac)) {
    throw usage(`${JSON.stringify(mac)} is not a MAC address`, 'give one like 02:11:22:33:44:55');
  }
  if (name !== undefined) cniArgs.push(['K8S_POD_NAME', name]);
  if (ips.length > 0 && can('ips')) capabilityArgs['ips'] = ips;
  else if (ips.length === 1) cniArgs.push(['IP', ips[0] as string]);
  else if (ips.length > 1) throw problem(`no plugin of ${network.name} has the capability "ips"`, 'give one --ip only');
  if (mac !== undefined && can('mac')) capabilityArgs['mac'] = mac;
  else if (mac !== undefined) cniArgs.push(['MAC', mac]);
  if (ports.length > 0 && !can('portMappings')) {
    throw problem(`no plugin of ${network.name} has the capability "portMappings"`, 'chain flatnet-portmap');
  }
  if (ports.length > 0) capabilityArgs['portMappings'] = ports;
  return { cniArgs, capabilityArgs };
}

/**
 * ADD of the chain; a failed one is taken back. Story: A attaches, B attaches the same; B's ADD is refused, and the DEL after it would
 * take A's interface. So whatever is attached is refused before any plugin is asked, and of two at once the second waits.
 *
 * @param reuse answers with the record where the same was attached with the same wishes: a client that repeats its request.
 * @throws OperatorError
 */
export async function attach(
  context: ChainContext,
  cacheDir: string,
  { network, text }: NetworkFile,
  wanted: Attach,
  reuse = false,
): Promise<CachedAttachment> {
  const identity = { network: network.name, containerId: wanted.containerId, ifName: wanted.ifName };
  return underAttachmentLock(cacheDir, identity, async () => {
    const before = reuse ? findCached(cacheDir, identity) : undefined;
    if (before !== undefined && isSameWish(before, wanted) && lives(network, identity, before, context.cniPath))
      return before;
    await clearDead(context, cacheDir, network, identity);
    try {
      const result = await addChain(context, network, wanted);
      const netnsId = namespaceAt(wanted.netns) ?? '';
      const cached: CachedAttachment = { ...identity, ...wanted, netnsId, config: text, result };
      storeCached(cacheDir, cached);
      return cached;
    } catch (error) {
      // As runtimes do it (spec, "ADD": a failed ADD is followed by DEL). The first failure is the one to tell.
      await delChain(context, network, wanted, undefined).catch(() => undefined);
      throw error;
    }
  });
}

function isSameWish(before: CachedAttachment, wanted: Attach): boolean {
  const wishOf = ({ cniArgs, capabilityArgs }: Pick<Attach, 'cniArgs' | 'capabilityArgs'>): string =>
    JSON.stringify([cniArgs, capabilityArgs]);
  return wishOf(before) === wishOf(wanted) && before.netnsId === namespaceAt(wanted.netns);
}

/** A container of this id that died without DEL, perhaps in another boot, must not keep its successor out. @throws OperatorError */
async function clearDead(context: ChainContext, cacheDir: string, network: Network, identity: Identity): Promise<void> {
  const before = findCached(cacheDir, identity);
  const config = (before === undefined ? undefined : networkOfCached(before)) ?? network;
  if (!lives(config, identity, before, context.cniPath)) {
    return before === undefined ? undefined : detachNow(context, cacheDir, config, before, '');
  }
  const { containerId, ifName } = identity;
  const unrecorded = before === undefined ? ' --force' : '';
  throw problem(
    `${containerId} is attached to ${network.name} with ${ifName} already`,
    `flatnetctl detach ${network.name} --id ${containerId} --ifname ${ifName}${unrecorded}, or another --ifname`,
  );
}

/**
 * Of flatnet the host end alone tells: it dies with the container's namespace, whose path and inode the next namespace may have. Other
 * main plugins' links are not known by name, so their record tells, or else a lease.
 */
function lives(
  network: Network,
  identity: Identity,
  before: CachedAttachment | undefined,
  cniPath: readonly string[],
): boolean {
  const links = hostLinks();
  if (links.has(hostEndOf(network.name, identity))) return true;
  if (mainPlugin(asRun(network, cniPath)).type === 'flatnet') return false;
  const { containerId, ifName } = identity;
  if (before === undefined) {
    return holdingsOf(network, cniPath).some(
      ({ lease, netns }) =>
        netns === 'alive' && lease?.attachment.containerId === containerId && lease.attachment.ifName === ifName,
    );
  }
  const { netns, netnsId } = before;
  const witness = {
    ...{ network: network.name, attachment: { containerId, ifName } },
    ...(netns === undefined ? {} : { netns }),
    ...(netnsId === undefined ? {} : { netnsId }),
  };
  return lifeOf(witness, links) !== 'gone';
}

/** The configuration that the attachment was made with: the one to take it back with, also when the file has changed since. */
export function networkOfCached(cached: CachedAttachment): Network | undefined {
  try {
    const json = JSON.parse(cached.config) as object;
    const what = `cached configuration of ${cached.network}`;
    return 'plugins' in json ? decodeNetwork(json, what) : decodeSinglePlugin(json, what);
  } catch {
    return undefined;
  }
}

/** libcni before 1.2 records the namespace in the result only. */
const attachOf = (cached: CachedAttachment, netns: string | undefined): Attach => {
  const path = netns ?? cached.netns ?? sandboxOf(readResult(cached.result), cached.ifName) ?? '';
  const { containerId, ifName, cniArgs, capabilityArgs } = cached;
  return { containerId, ifName, cniArgs, capabilityArgs, netns: path };
};

/** DEL of the chain; the cache entry goes last, so that a failed DEL can be repeated. */
async function detachNow(
  context: ChainContext,
  cacheDir: string,
  network: Network,
  cached: CachedAttachment,
  netns?: string,
): Promise<void> {
  const result = Object.keys(cached.result).length === 0 ? undefined : cached.result;
  await delChain(context, network, attachOf(cached, netns), result);
  dropCached(cacheDir, cached);
}

/**
 * DEL of the chain. The specification forbids a runtime to call it beside an ADD of the same attachment, so it waits for that.
 *
 * @throws OperatorError
 */
export const detach = (
  context: ChainContext,
  cacheDir: string,
  network: Network,
  cached: CachedAttachment,
  netns?: string,
): Promise<void> =>
  underAttachmentLock(cacheDir, cached, () =>
    // The ADD that it waited for has left a newer result.
    detachNow(context, cacheDir, network, findCached(cacheDir, cached) ?? cached, netns),
  );

/** CHECK of the chain. @throws OperatorError */
export const check = (
  context: ChainContext,
  network: Network,
  cached: CachedAttachment,
  netns?: string,
): Promise<void> => checkChain(context, network, attachOf(cached, netns), cached.result);
