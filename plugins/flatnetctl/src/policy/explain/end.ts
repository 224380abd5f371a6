/** Where a connection may begin and end, by the words that people have for it. */
import { parseIp } from '@flatnet/addressing';
import { PROBED_HOST } from '@flatnet/firewall';
import type { Kernel } from '@flatnet/kernel';
import { problem } from '../../failure.ts';
import type { Attached } from './attached.ts';

export type End =
  | ({ readonly kind: 'container' } & Attached)
  /** Without an address: the one that the other end would ask. */
  | { readonly kind: 'host'; readonly address?: string }
  /** Another machine. */
  | { readonly kind: 'outside'; readonly name: string; readonly addresses: readonly string[] };

/**
 * @param text a container's name, alias or id, a network (all its containers), an address, `internet` or `host`.
 * @throws OperatorError where there is nothing so called, or several containers may be meant.
 */
export function endsCalled(kernel: Pick<Kernel, 'rtnetlink'>, all: readonly Attached[], text: string): readonly End[] {
  if (text === 'host') return [{ kind: 'host' }];
  if (text === 'internet') return [{ kind: 'outside', name: text, addresses: Object.values(PROBED_HOST) }];
  const address = addressIn(text);
  if (address !== undefined) return [endAt(kernel, all, address)];
  const found = containersCalled(all, text);
  if (found.length === 0) {
    throw problem(
      `no container, no network and no address ${JSON.stringify(text)}`,
      'flatnetctl policy show, or give an address, internet or host',
    );
  }
  return found.map((each) => ({ kind: 'container', ...each }));
}

/** As the kernel writes it. */
function addressIn(text: string): string | undefined {
  try {
    return String(parseIp(text));
  } catch {
    return undefined;
  }
}

function endAt({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, all: readonly Attached[], address: string): End {
  const attached = all.find(({ addresses }) => addresses.includes(address));
  if (attached !== undefined) return { kind: 'container', ...attached };
  const own = rtnetlink.listLinks().flatMap(({ name }) => rtnetlink.listAddresses(name));
  const isHosts = own.some((each) => each.address === address) || /^(?:127\.|::1$)/.test(address);
  return isHosts ? { kind: 'host', address } : { kind: 'outside', name: address, addresses: [address] };
}

function containersCalled(all: readonly Attached[], text: string): readonly Attached[] {
  const ofNetwork = all.filter(({ network }) => network === text);
  if (ofNetwork.length > 0) return ofNetwork;
  const named = all.filter(({ names }) => names.includes(text));
  if (named.length > 0) return named;
  const byId = text === '' ? [] : all.filter(({ containerId }) => containerId.startsWith(text));
  const ids = [...new Set(byId.map(({ containerId }) => containerId))];
  if (ids.length > 1)
    throw problem(`${text} may be one of several containers: ${ids.join(', ')}`, 'give more of the id');
  return byId;
}
