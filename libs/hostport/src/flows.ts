/** Flows that were tracked before the present rules: without their removal, UDP packets go on to where the first one went. */
import { networkInterfaces } from 'node:os';
import { type Run, type RunOptions, type RunResult, ToolError } from '@flatnet/exec';
import type { Family, Port } from './model.ts';

/** A line of `conntrack -L`, as far as it is looked at. */
export interface Flow {
  readonly protocol: string;
  /** Destination as the first packet's sender wrote it. */
  readonly destination: string;
  readonly port: number;
  /** Where answers come from. */
  readonly replySource: string;
}

const LINE = /^(\w+)\s+\d+\s.*?\bdst=(\S+)\s+sport=\d+\s+dport=(\d+)\s.*?\bsrc=(\S+)\s+dst=/;

export const parseFlows = (listing: string): readonly Flow[] =>
  listing.split('\n').flatMap((line) => {
    const [, protocol, destination, port, replySource] = LINE.exec(line) ?? [];
    return protocol === undefined || destination === undefined || replySource === undefined
      ? []
      : [{ protocol, destination, port: Number(port), replySource }];
  });

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

const familyWord = (family: Family): string => (family === 4 ? 'ipv4' : 'ipv6');

/** @throws ToolError where flows could not be listed or removed; none to remove is no failure. */
const conntrack = async (run: Run, args: readonly string[], options?: RunOptions): Promise<RunResult> => {
  const result = await run('conntrack', args, options);
  const { ending, exitCode, stderr } = result;
  if (ending === 'exit' && (exitCode === 0 || /\b0 flow entries/.test(stderr))) return result;
  const kind = ending === 'timeout' || ending === 'aborted' || ending === 'overflow' ? ending : 'failed';
  throw new ToolError('conntrack', kind, 'forget flows of ports', stderr.trim().slice(0, 200) || ending);
};

const deleteGroups = async (run: Run, family: Family, flows: readonly Flow[]): Promise<number> => {
  const groups = new Map(flows.map((flow) => [Object.values(flow).join(' '), flow]));
  for (const { protocol, destination, port, replySource } of groups.values()) {
    await conntrack(run, [
      ...['-D', '-f', familyWord(family), '-p', protocol],
      ...['--orig-dst', destination, '--orig-port-dst', String(port), '--reply-src', replySource],
    ]);
  }
  return flows.length;
};

/**
 * Forgets flows of one family that `choose` picks from those of `protocol` (all when undefined); `replySource` narrows the listing.
 * Nothing is started while the host tracks no flow at all. A host without conntrack(8) keeps its flows: they expire.
 *
 * @returns how many were forgotten.
 */
const forget = async (
  run: Run,
  family: Family,
  filter: readonly string[],
  choose: (flows: readonly Flow[]) => readonly Flow[],
): Promise<number> => {
  const { stdout } = await conntrack(run, ['-L', '-f', familyWord(family), ...filter], { maxBytes: 64 << 20 });
  return deleteGroups(run, family, choose(parseFlows(stdout)));
};

const byFamily = async (ports: readonly Port[], work: (family: Family, own: readonly Port[]) => Promise<number>) => {
  let count = 0;
  for (const family of [4, 6] as const) {
    const own = ports.filter((port) => port.family === family);
    if (own.length > 0) count += await work(family, own);
  }
  return count;
};

/** After ADD: stale flows to its UDP ports; with `reused`, to its TCP and SCTP ports too (the port was a dead container's). */
export const forgetStaleFlows = (run: Run, ports: readonly Port[], reused = false): Promise<number> => {
  const watched = reused ? ports : ports.filter((port) => port.protocol === 'udp');
  const local = localAddresses();
  return byFamily(watched, (family, own) =>
    forget(run, family, reused ? [] : ['-p', 'udp'], (flows) =>
      staleFlows(flows, own, (address) => local.has(address)),
    ),
  );
};

/** After DEL: every flow to what is published no longer. */
export const forgetOrphanedFlows = (run: Run, ports: readonly Port[]): Promise<number> =>
  byFamily(ports, async (family, own) => {
    let count = 0;
    for (const address of new Set(own.map((port) => port.address))) {
      count += await forget(run, family, ['--reply-src', address], (flows) => orphanedFlows(flows, own));
    }
    return count;
  });
