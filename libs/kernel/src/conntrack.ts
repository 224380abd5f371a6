/** Flows that the kernel tracks, as far as published ports and names ask for them. */
import { ToolError } from '@flatnet/exec';
import { batch, dump, NetlinkError, type Socket } from '@flatnet/netlink';
import { deleteFlow, type Flow, type FlowFilter, listFlows } from '@flatnet/netlink/conntrack/flow';
import { ENOENT, SysError, SysUnavailable } from '@flatnet/sys';

/** One flow. `destination` and `port` are as its first packet had them; `replySource` is where answers come from. */
export interface TrackedFlow {
  readonly protocol: TrackedProtocol;
  readonly destination: string;
  readonly port: number;
  readonly replySource: string;
}
export type TrackedProtocol = 'tcp' | 'udp' | 'sctp';

/** A flow must have all that is given. The port needs the protocol. */
export interface FlowQuestion extends Partial<TrackedFlow> {
  readonly family: 4 | 6;
}

export interface Conntrack {
  /** @throws ToolError of `conntrack`. */
  list(question: FlowQuestion): readonly TrackedFlow[];
  /** Removes the flows that match; none is no failure. @throws ToolError of `conntrack`. */
  forget(question: FlowQuestion): void;
}

/** Numbers of /etc/protocols. */
const PROTOCOLS: Readonly<Record<TrackedProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
const NAMES = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name as TrackedProtocol]));

/** @param open opens the socket at the first call, in the namespace of the flows; it stays open. */
export function conntrackByNetlink(open: () => Socket, signal?: AbortSignal): Conntrack {
  let opened: Socket | undefined;
  const ask = <T>(doing: string, work: (socket: Socket) => T): T => {
    if (signal?.aborted === true) throw new ToolError('conntrack', 'aborted', doing, 'the command was cut short');
    try {
      return work((opened ??= open()));
    } catch (error) {
      if (error instanceof SysUnavailable) throw new ToolError('conntrack', 'missing', doing, error.message);
      if (!(error instanceof NetlinkError) && !(error instanceof SysError)) throw error;
      throw new ToolError('conntrack', error.code === 'ETIMEDOUT' ? 'timeout' : 'failed', doing, error.message);
    }
  };
  return {
    list: (question) =>
      ask('list the tracked flows', (socket) => dump(socket, listFlows(filterOf(question))).flatMap(trackedFlow)),
    forget: (question) =>
      ask('forget tracked flows', (socket) => {
        const flows = dump(socket, listFlows(filterOf(question)));
        // A flow that has ended meanwhile is gone, which is all that is wanted.
        const failure = batch(socket, flows.map(deleteFlow)).find(({ errno }) => errno !== ENOENT);
        if (failure !== undefined) throw failure;
      }),
  };
}

function filterOf({ family, protocol, destination, port, replySource }: FlowQuestion): FlowFilter {
  const original = {
    ...(protocol === undefined ? {} : { protocol: PROTOCOLS[protocol] }),
    ...(destination === undefined ? {} : { dst: destination }),
    ...(port === undefined ? {} : { dstPort: port }),
  };
  return {
    family,
    ...(Object.keys(original).length === 0 ? {} : { original }),
    ...(replySource === undefined ? {} : { reply: { src: replySource } }),
  };
}

/** Other protocols have no ports that are published. */
function trackedFlow({ original, reply }: Flow): readonly TrackedFlow[] {
  const protocol = NAMES.get(original.protocol);
  if (protocol === undefined || original.dstPort === undefined) return [];
  return [{ protocol, destination: original.dst, port: original.dstPort, replySource: reply.src }];
}
