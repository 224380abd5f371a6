/** Which field of a packet a load is of, and which comparisons the field makes needless. */
import type { Expression } from '../expression.ts';
import { fieldAt, type Source } from './field.ts';
import type { Json, JsonObject } from './json.ts';
import { hold, type State } from './print-state.ts';

export function loadField(state: State, { base, offset, length, to }: Expression & { kind: 'payload' }): boolean {
  const protocols = base === 'link' ? ['ether'] : base === 'network' ? networkOf(state) : transportOf(state);
  for (const protocol of protocols) {
    const source = fieldAt(protocol, offset, length);
    if (source === undefined) continue;
    dropImplied(state, source);
    return hold(state, to, { source, length });
  }
  return false;
}

const networkOf = ({ l3 }: State): readonly string[] => (l3 === undefined ? [] : [l3]);

const TRANSPORTS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };
const transportOf = ({ l4 }: State): readonly string[] => {
  const known = l4 === undefined ? undefined : TRANSPORTS[l4];
  return known === undefined ? ['th'] : [known, 'th'];
};

/** The field says itself what was compared for it. */
function dropImplied(state: State, { field }: Source): void {
  if (field === undefined) return;
  for (const implied of state.implied) {
    if (implied.protocol === (implied.layer === 3 ? field.l3 : field.l4)) state.statements[implied.at] = DROPPED;
  }
  state.implied = state.implied.filter(({ at }) => state.statements[at] !== DROPPED);
}
export const DROPPED: JsonObject = {};

/** The statements without those that others imply. */
export const withoutDropped = (statements: readonly Json[]): Json[] =>
  statements.filter((statement) => statement !== DROPPED);
