/**
 * What the firewalls of other programs do with the packets of a network. A packet passes when every base chain of the hook lets it
 * pass: `accept` ends one base chain, a drop is final.
 */
import {
  type HostServer,
  probesOf,
  questionsTo,
  usualPacket,
  type Network,
  type Packet,
  type Uplinks,
} from './packet.ts';
import type { Chain, Table } from './ruleset.ts';
import { walk, type Course, type End } from './walk.ts';

/** Where a packet ends: a chain, and the rule of it, or its policy. */
export interface Place {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** The base chain from which the packet came to it. */
  readonly base: string;
  /** The rule as `nft -a` prints it; absent where the policy decides. */
  readonly rule?: string;
}

export type Verdict =
  | { readonly state: 'passes' }
  | { readonly state: 'blocked'; readonly packet: string; readonly place: Place }
  | { readonly state: 'unknown'; readonly packet: string; readonly place?: Place; readonly reason: string };

export interface Judgement {
  /** Connections that containers open to other hosts. */
  readonly outgoing: Verdict;
  /** Connections that other hosts open to published ports. */
  readonly published: Verdict;
}

/** What is known of a host's firewalls. */
export interface Firewalls {
  readonly tables: readonly Table[];
  readonly uplinks: Uplinks;
  /** Rules that nft cannot read, in words: those of iptables-legacy. */
  readonly unreadable: readonly string[];
}

export function judge(network: Network, firewalls: Firewalls): Judgement {
  const { outgoing, published } = probesOf(network, firewalls.uplinks);
  return { outgoing: judgeAll(outgoing, firewalls), published: judgeAll(published, firewalls) };
}

/** Whether containers of a network reach a server of the host. */
export const judgeQuestions = (network: Network, server: HostServer, firewalls: Firewalls): Verdict =>
  judgeAll(questionsTo(network, server), firewalls);

/** One packet that is blocked is enough: a connection needs both ways, and names are asked for over UDP. */
function judgeAll(packets: readonly Packet[], firewalls: Firewalls): Verdict {
  const verdicts = packets.map((packet) => judgePacket(packet, firewalls));
  return (
    verdicts.find(({ state }) => state === 'blocked') ??
    verdicts.find(({ state }) => state === 'unknown') ?? { state: 'passes' }
  );
}

function judgePacket(packet: Packet, { tables, unreadable }: Firewalls): Verdict {
  const chains = tables.flatMap((table) =>
    [...table.chains.values()].filter((chain) => isAsked(packet, chain)).map((chain) => ({ table, chain })),
  );
  const verdicts = chains.map(({ table, chain }) => judgeChain(table, chain, packet));
  const worst = verdicts.find(({ state }) => state === 'blocked') ?? verdicts.find(({ state }) => state === 'unknown');
  if (worst?.state === 'blocked' || unreadable.length === 0) return worst ?? { state: 'passes' };
  return worst ?? { state: 'unknown', packet: packet.name, reason: `nft cannot read ${unreadable.join(', ')}` };
}

/** The tables of flatnet itself drop nothing that its networks need. */
const isAsked = ({ family, hook }: Packet, chain: Chain): boolean =>
  chain.hook === hook && chain.table !== 'flatnet' && ['inet', family === 4 ? 'ip' : 'ip6'].includes(chain.family);

function judgeChain(table: Table, chain: Chain, packet: Packet): Verdict {
  const all = walk(table, chain, packet).ends;
  const dropping = all.find(({ fate }) => fate === 'drop');
  if (dropping === undefined && all.every(({ fate }) => fate === 'accept')) return { state: 'passes' };
  if (dropping !== undefined && all.every(({ fate }) => fate === 'drop')) {
    return { state: 'blocked', packet: packet.name, place: placeOf(dropping, chain) };
  }
  const usual = walk(table, chain, usualPacket(packet));
  if (usual.ends.every(({ fate }) => fate === 'accept')) return { state: 'passes' };
  return { state: 'unknown', packet: packet.name, ...whyUnclear(usual, chain) };
}

function whyUnclear({ ends, notes }: Course, base: Chain): { readonly place?: Place; readonly reason: string } {
  const at = ends.find(({ fate }) => fate !== 'accept');
  const place = at === undefined ? {} : { place: placeOf(at, base) };
  const reason =
    notes.length === 0 ? 'some pass, an ordinary one does not' : `it depends on what is not understood: ${notes[0]}`;
  return { ...place, reason };
}

const placeOf = ({ chain, rule }: End, base: Chain): Place => ({
  ...{ family: chain.family, table: chain.table, chain: chain.name, base: base.name },
  ...(rule === undefined ? {} : { rule: `${rule.text ?? 'rule'} # handle ${rule.handle}` }),
});

/** "chain FORWARD of table ip filter (policy drop)". */
export const describePlace = ({ family, table, chain, rule }: Place): string =>
  `chain ${chain} of table ${family} ${table} (${rule ?? 'policy drop'})`;
