/** What does not fit together in a survey, each with its reason and one next step. Pure. */
import { describePort, portsOf } from '@flatnet/hostport';
import { asRun } from '../conflist/as-run.ts';
import { mainPlugin } from '../conflist/model.ts';
import { bridgeOf } from '../network/describe.ts';
import type { Survey, Trace } from './survey.ts';

/** One disagreement. The shape is what `-o json` prints and a report holds; keys are only ever added. */
export interface Finding {
  readonly kind: FindingKind;
  /** A note needs no action; exit code 1 is for problems. */
  readonly level: 'problem' | 'note';
  readonly network: string;
  readonly containerId: string;
  readonly ifName: string;
  readonly name: string;
  /** The attachment's mark in kernel objects, 24 hex digits. */
  readonly mark: string;
  readonly addresses: readonly string[];
  readonly ports: readonly string[];
  readonly netns: string;
  /** When the lease was made, ISO 8601. */
  readonly since: string;
  readonly reason: string;
  readonly next: string;
  /** Whether `ipam gc` removes it. */
  readonly gc: boolean;
}

export const FINDING_KINDS = [
  'dead-attachment',
  'unreadable-lease',
  'orphan-rules',
  'link-missing',
  'link-unplugged',
  'lease-missing',
  'address-missing',
  'rules-missing',
  'unrecorded',
  'unknown-owner',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export function findingsOf(survey: Survey): readonly Finding[] {
  return [
    ...survey.traces.flatMap((trace) => findingsOfTrace(trace, survey)),
    ...survey.unreadable.map(({ network, address }) => ({
      ...blank('unreadable-lease', network),
      addresses: [address],
      reason: `${address} is taken by a record that cannot be read`,
      next: `flatnetctl ipam gc ${network}`,
      gc: true,
    })),
    ...survey.orphans.map(({ network, hash, elements }) => ({
      ...blank('orphan-rules', network),
      mark: hash,
      ports: elements,
      reason: `the kernel has rules of an attachment that has no record: ${elements.join(', ')}`,
      next: network === '' ? 'flatnetctl ipam gc' : `flatnetctl ipam gc ${network}`,
      gc: true,
    })),
  ];
}

const blank = (kind: FindingKind, network: string) => ({
  ...{ kind, level: 'problem' as const, network, containerId: '', ifName: '', name: '', mark: '' },
  ...{ addresses: [], ports: [], netns: '', since: '' },
});

const factsOf = ({ network, attachment, name = '', mark, netns = '', lease, published }: Trace) => ({
  ...{ level: 'problem' as const, network, ...attachment, name, mark, netns, since: lease?.since ?? '' },
  addresses: (lease?.ips ?? []).map(String),
  ports: portsOf(published?.record.publications ?? []).map(describePort),
  gc: false,
});

const deadOf = (trace: Trace): Finding => ({
  ...factsOf(trace),
  kind: 'dead-attachment',
  reason: `its network namespace is gone, and it still has ${remainsOf(trace).join(', ')}`,
  next: `flatnetctl ipam gc ${trace.network}`,
  gc: true,
});

const unknownOf = (trace: Trace): Finding => ({
  ...factsOf(trace),
  kind: 'unknown-owner',
  level: 'note',
  reason: 'nothing tells which network namespace this is of, so whether it lives cannot be told',
  next: `flatnetctl ipam release ${trace.network} --id ${trace.attachment.containerId} --force, if you know that it is gone`,
});

/** An attachment that is not alive, in the shape of a finding. */
export const describeTrace = (trace: Trace): Finding => (trace.life === 'gone' ? deadOf(trace) : unknownOf(trace));

function findingsOfTrace(trace: Trace, { subjects, cniPath }: Survey): readonly Finding[] {
  const { network, attachment, name = '', lease, published, cached, linked, hostEnd } = trace;
  if (trace.life !== 'alive') return [describeTrace(trace)];
  const base = factsOf(trace);
  const who = name === '' ? attachment.containerId : name;
  const restart = `restart ${who}, or flatnetctl detach ${network} --id ${attachment.containerId} --ifname ${attachment.ifName || 'eth0'}`;
  const subject = subjects.find((each) => each.name === network);
  const config = subject?.file?.network;
  const isFlatnet = config !== undefined && mainPlugin(asRun(config, cniPath)).type === 'flatnet';
  const found: Finding[] = [];
  const tell = (kind: FindingKind, reason: string, next: string, level: Finding['level'] = 'problem'): void => {
    found.push({ ...base, kind, level, reason, next });
  };
  if (isFlatnet && !linked) tell('link-missing', 'the container lives, but its host link is gone', restart);
  const bridge = isFlatnet ? bridgeOf(asRun(config, cniPath)) : undefined;
  if (hostEnd !== undefined && bridge !== undefined && hostEnd.bridge !== bridge) {
    tell('link-unplugged', `its host link ${hostEnd.name} is not a port of bridge ${bridge}`, restart);
  }
  if (subject?.isLeased === true && linked && lease === undefined) {
    tell('lease-missing', 'the container is connected, but its address is not leased and may be given away', restart);
  }
  const lost = base.addresses.filter((address) => trace.inside?.includes(address) === false);
  if (lost.length > 0) {
    tell('address-missing', `${lost.join(', ')} is leased, but no interface in the namespace has it`, restart);
  }
  if (published !== undefined && published.missing.length > 0) {
    tell(
      'rules-missing',
      `published, but not in the kernel: ${published.missing.join(', ')}`,
      'flatnetctl rules reload',
    );
  }
  if (cached === undefined) {
    const reason = 'no runtime has a record of it: its ADD was cut short, or the runtime keeps its records elsewhere';
    tell('unrecorded', reason, `${restart} --force, if no runtime knows it`, 'note');
  }
  return found;
}

/** What an attachment still holds, in words. */
export const remainsOf = ({ lease, linked, published, cached }: Trace): readonly string[] => [
  ...(lease?.ips ?? []).map((ip) => `address ${ip}`),
  ...(linked ? ['its host link'] : []),
  ...portsOf(published?.record.publications ?? []).map((port) => `port ${describePort(port)}`),
  ...(cached === undefined ? [] : ["a result in the runtime's cache"]),
];
