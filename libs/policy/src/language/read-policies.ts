/** JSON of the key `policies` -> policies. Pure. */
import { PolicyFault } from './fault.ts';
import { type Allowance, type Direction, type Policy, type PortRange, PROTOCOLS } from './model.ts';
import { NAME, readPattern } from './patterns.ts';
import { readPeer } from './read-peer.ts';
import { itemsAt, listAt, objectAt, portAt, textAt, wordAt } from './reader.ts';

const TYPES = ['Ingress', 'Egress'] as const;

/** @throws PolicyFault. */
export function readPolicies(value: unknown, field = 'policies'): readonly Policy[] {
  const policies = itemsAt(field, value, readPolicy);
  const seen = new Set<string>();
  policies.forEach(({ name }, index) => {
    if (name === undefined) return;
    if (seen.has(name))
      throw new PolicyFault(`${field}[${index}].name`, `a second policy is named ${name}; rename one`);
    seen.add(name);
  });
  return policies;
}

function readPolicy(field: string, value: unknown): Policy {
  const known = ['name', 'containers', 'policyTypes', 'ingress', 'egress'] as const;
  const { name, containers, policyTypes, ingress, egress } = objectAt(field, value, known);
  const types =
    policyTypes === undefined
      ? undefined
      : listAt(`${field}.policyTypes`, policyTypes, (at, type) => wordAt(at, type, TYPES));
  const closes = (type: (typeof TYPES)[number], list: unknown): boolean =>
    types === undefined ? list !== undefined : types.includes(type);
  const allowed = (direction: Direction, list: unknown): readonly Allowance[] =>
    list === undefined ? [] : itemsAt(`${field}.${direction}`, list, (at, item) => readAllowance(at, item, direction));
  const [into, out] = [allowed('ingress', ingress), allowed('egress', egress)];
  refuseUseless(field, types, { ingress, egress });
  return {
    ...(name === undefined ? {} : { name: textAt(`${field}.name`, name, NAME, 'a name of letters, digits, _ . -') }),
    ...(containers === undefined ? {} : { containers: itemsAt(`${field}.containers`, containers, readPattern) }),
    ...(closes('Ingress', ingress) ? { ingress: into } : {}),
    ...(closes('Egress', egress) ? { egress: out } : {}),
  };
}

function refuseUseless(field: string, types: readonly string[] | undefined, lists: Record<Direction, unknown>): void {
  if (types === undefined && lists.ingress === undefined && lists.egress === undefined)
    throw new PolicyFault(field, 'it closes no direction; give ingress, egress or policyTypes');
  for (const type of TYPES) {
    const direction = type.toLowerCase() as Direction;
    if (types === undefined || types.includes(type) || lists[direction] === undefined) continue;
    throw new PolicyFault(
      `${field}.${direction}`,
      `policyTypes leaves ${type} open, so the list means nothing; add it`,
    );
  }
}

function readAllowance(field: string, value: unknown, direction: Direction): Allowance {
  const key = direction === 'ingress' ? 'from' : 'to';
  const { [key]: peers, ports } = objectAt(field, value, [key, 'ports']);
  return {
    ...(peers === undefined
      ? {}
      : { peers: listAt(`${field}.${key}`, peers, (at, peer) => readPeer(at, peer, direction)) }),
    ...(ports === undefined ? {} : { ports: listAt(`${field}.ports`, ports, readPort) }),
  };
}

function readPort(field: string, value: unknown): PortRange {
  const { protocol = 'TCP', port, endPort } = objectAt(field, value, ['protocol', 'port', 'endPort']);
  const name = wordAt(`${field}.protocol`, protocol, PROTOCOLS);
  if (port === undefined) {
    if (endPort === undefined) return { protocol: name };
    throw new PolicyFault(`${field}.endPort`, 'it has no port to begin with; give port too');
  }
  const first = portAt(`${field}.port`, port);
  const last = endPort === undefined ? first : portAt(`${field}.endPort`, endPort);
  if (last < first) throw new PolicyFault(`${field}.endPort`, `${last} is lower than port ${first}; exchange them`);
  return { protocol: name, first, last };
}
