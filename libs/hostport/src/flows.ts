/** Flows that were tracked before the present rules: without their removal, UDP packets go on to where the first one went. */
import { networkInterfaces } from 'node:os';
import type { Conntrack, FlowQuestion, TrackedFlow as Flow } from '@flatnet/kernel';
import type { Family, Port } from './model.ts';

const localAddresses = (): ReadonlySet<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));

/** Flows that the present rules would send elsewhere: to one of the ports on this host, answered by another than the container. */
export const staleFlows = (
  flows: readonly Flow[],
  ports: readonly Port[],
  isLocal: (address: string) => boolean,
): readonly Flow[] => {
  // The same port may be published on several addresses, and the flow's decides which of them it meets.
  const byPort = new Map<string, Port[]>();
  for (const port of ports) {
    const key = `${port.protocol}/${port.hostPort}`;
    byPort.set(key, [...(byPort.get(key) ?? []), port]);
  }
  const isMissed = (flow: Flow, { hostIp, address }: Port): boolean =>
    flow.replySource !== address && (hostIp === undefined ? isLocal(flow.destination) : flow.destination === hostIp);
  return flows.filter((flow) => byPort.get(`${flow.protocol}/${flow.port}`)?.some((port) => isMissed(flow, port)));
};

/** Flows to published ports of a container that publishes them no longer. */
export const orphanedFlows = (flows: readonly Flow[], ports: readonly Port[]): readonly Flow[] => {
  const targets = new Set(ports.map((port) => `${port.protocol}/${port.hostPort}/${port.address}`));
  return flows.filter((flow) => targets.has(`${flow.protocol}/${flow.port}/${flow.replySource}`));
};

/** Forgets flows of one family that `choose` picks from those that match. @returns how many. @throws ToolError. */
const forget = (
  conntrack: Conntrack,
  question: FlowQuestion,
  choose: (flows: readonly Flow[]) => readonly Flow[],
): number => {
  const flows = choose(conntrack.list(question));
  const groups = new Map(flows.map((flow) => [Object.values(flow).join(' '), flow]));
  for (const group of groups.values()) conntrack.forget({ family: question.family, ...group });
  return flows.length;
};

const byFamily = (ports: readonly Port[], work: (family: Family, own: readonly Port[]) => number): number => {
  let count = 0;
  for (const family of [4, 6] as const) {
    const own = ports.filter((port) => port.family === family);
    if (own.length > 0) count += work(family, own);
  }
  return count;
};

/**
 * After ADD: stale flows to its UDP ports; with `reused`, to its TCP and SCTP ports too (the port was a dead container's).
 *
 * @returns how many were forgotten. @throws ToolError.
 */
export const forgetStaleFlows = (conntrack: Conntrack, ports: readonly Port[], reused = false): number => {
  const watched = reused ? ports : ports.filter((port) => port.protocol === 'udp');
  const local = localAddresses();
  return byFamily(watched, (family, own) =>
    forget(conntrack, { family, ...(reused ? {} : { protocol: 'udp' }) }, (flows) =>
      staleFlows(flows, own, (address) => local.has(address)),
    ),
  );
};

/** After DEL: every flow to what is published no longer. @returns how many were forgotten. @throws ToolError. */
export const forgetOrphanedFlows = (conntrack: Conntrack, ports: readonly Port[]): number =>
  byFamily(ports, (family, own) => {
    let count = 0;
    for (const replySource of new Set(own.map((port) => port.address)))
      count += forget(conntrack, { family, replySource }, (flows) => orphanedFlows(flows, own));
    return count;
  });
