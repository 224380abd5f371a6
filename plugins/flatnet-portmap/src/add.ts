/**
 * ADD. Invariant: refuse, arm, act, report. The guard against 127.0.0.0/8 from outside is in force (same transaction as the ports)
 * before route_localnet is set.
 */
import { CniError, ErrorCode, type AddResult } from '@flatnet/cni';
import { requireSysctls, type Kernel } from '@flatnet/kernel';
import { netnsIdOf } from '@flatnet/kernel/state';
import { describePort, hostEndOf, PortInUse, portsOf, publish, publishOrWait, withdraw } from '@flatnet/hostport';
import { forgetStaleFlows, type Plan, type PublishRecord, type Records } from '@flatnet/hostport';
import { type AddRequest, chainedResult, type Rollback } from '@flatnet/skel';
import type { PortmapConfig } from './config.ts';
import type { Deps } from './deps.ts';
import { notingFlows, tracksFlows } from './flows.ts';
import { applyOutbound, dropOutbound, outboundRules } from './outbound.ts';
import { planOf, wayTo } from './plan.ts';

type Request = AddRequest<PortmapConfig>;

export async function add(deps: Deps, request: Request, rollback: Rollback): Promise<AddResult> {
  const { config, network, attachment, netns, signal } = request;
  const result = chainedResult(request, 'flatnet-portmap');
  const kernel = deps.kernel(signal);
  const records = deps.records(config.dataDir);
  const plan = planOf(network, attachment, config, result, wayTo(kernel));
  const before = records.read(plan.owner);
  if (plan.publications.length === 0 && !config.ipMasq && before === undefined) return result;

  const record: PublishRecord = {
    version: 1,
    ...plan,
    netns,
    netnsId: netnsIdOf(netns) ?? '',
    ...hostEndsOf(kernel, plan, result),
  };
  armUndo(deps, records, record, before, rollback);
  if (config.ipMasq) {
    rollback.arm('outbound masquerade', () => dropOutbound(deps.kernel().nft, plan.owner, config, records));
  }
  const outbound = () => applyOutbound(kernel.nft, outboundRules(plan.owner, config, result), records);
  const work = [
    request.phase('nft', () => program(kernel, records, record, (text) => request.note(text))),
    ...(config.ipMasq ? [request.phase('masquerade', outbound)] : []),
  ];
  // Both end before an undo may begin.
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return result;
}

/** Of the flatnet plugin's end the name is known. Bridges outlive their containers. */
function hostEndsOf({ rtnetlink }: Pick<Kernel, 'rtnetlink'>, { owner }: Plan, { interfaces }: AddResult) {
  const names = interfaces.flatMap(({ name, sandbox }) => (sandbox === undefined || sandbox === '' ? [name] : []));
  if (names.includes(hostEndOf(owner))) return {};
  const hostEnds = names.filter((name) => rtnetlink.findLink(name)?.kind === 'veth');
  return hostEnds.length === 0 ? {} : { hostEnds };
}

function armUndo(
  deps: Deps,
  records: Records,
  record: PublishRecord,
  before: PublishRecord | undefined,
  rollback: Rollback,
): void {
  rollback.arm('published ports', async () => {
    const { nft } = deps.kernel();
    // A repeated ADD that fails leaves what the attachment had.
    if (before === undefined) await withdraw(nft, records, record.owner);
    else await publish(nft, records, before);
  });
}

async function program(
  kernel: Pick<Kernel, 'nft' | 'conntrack' | 'proc'>,
  records: Records,
  record: PublishRecord,
  note: (text: string) => void,
): Promise<void> {
  const { replaced } = await publishOrWait(kernel.nft, records, record).catch((error: unknown) => {
    throw error instanceof PortInUse ? held(error, record.owner.containerId) : error;
  });
  if (record.localInterface !== undefined) {
    requireSysctls(kernel, { [`ipv4/conf/${record.localInterface}/route_localnet`]: '1' });
  }
  const ports = portsOf(record.publications);
  const reused = replaced.length > 0;
  const stale = reused || ports.some(({ protocol }) => protocol === 'udp');
  if (stale && tracksFlows(kernel)) notingFlows(note, () => forgetStaleFlows(kernel.conntrack, ports, reused));
}

/** The refusal names the port, its owner and the next step. */
const held = ({ port, holder }: PortInUse, asking: string): CniError => {
  const { containerId, ifName, network } = holder.owner;
  if (containerId === asking) {
    // What both want alike waits; here one of them wants all addresses, and neither contains the other.
    return new CniError(
      ErrorCode.conflict,
      `port ${describePort(port)} is published for this container's network ${network} already, on other host addresses`,
      `interface ${ifName}; give the port the same hostIP (or defaultHostIP) in both networks`,
    );
  }
  return new CniError(
    ErrorCode.conflict,
    `port ${describePort(port)} is held by container ${containerId}`,
    `network ${network}, interface ${ifName}; remove that container, or publish another port or host address`,
  );
};
