/** What holds for a network and a container, in words. Pure. */
import type { Network } from '@flatnet/policy';
import type { Allowance, Peer, PortRange, Verdicts } from '@flatnet/policy/language';

export function networkWords({ ingressPolicy, external, allowNetworks, isolatePublished }: Network): string {
  const allowed = allowNetworks.length === 0 ? '' : ` but ${allowNetworks.join(', ')}`;
  return [
    ...(ingressPolicy === 'open' ? [] : [`${ingressPolicy}${allowed}`]),
    ...(isolatePublished ? ['isolate-published'] : []),
    ...(external === 'open' ? [] : [`external ${external}`]),
  ].join(', ');
}

/** `open`, `nothing`, or what passes. */
export function directionWords(allowances: readonly Allowance[] | undefined): string {
  if (allowances === undefined) return 'open';
  return allowances.length === 0 ? 'nothing' : allowances.map(allowanceWords).join('; ');
}

const allowanceWords = ({ peers, ports }: Allowance): string =>
  `${peers?.map(peerWords).join(', ') ?? 'any'}${ports === undefined ? '' : ` at ${ports.map(portWords).join(', ')}`}`;

function peerWords(peer: Peer): string {
  if ('container' in peer) return `container ${peer.container}`;
  if ('network' in peer) return `network ${peer.network}`;
  if ('entity' in peer) return peer.entity;
  return `${peer.cidr}${peer.except.length === 0 ? '' : ` without ${peer.except.join(', ')}`}`;
}

function portWords({ protocol, first, last }: PortRange): string {
  if (first === undefined) return protocol;
  return `${protocol} ${first}${last === first || last === undefined ? '' : `-${last}`}`;
}

/** One line for a table. */
export function verdictWords({ ingress, egress }: Verdicts): string {
  return [
    ...(ingress === undefined ? [] : [`from ${directionWords(ingress)}`]),
    ...(egress === undefined ? [] : [`to ${directionWords(egress)}`]),
  ].join(' | ');
}
