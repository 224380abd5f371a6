/** JSON of a peer -> peer. Pure. */
import { AddressError, type Cidr, parseCidr } from '@flatnet/addressing';
import { PolicyFault, shown } from './fault.ts';
import { type Direction, ENTITIES, type Peer } from './model.ts';
import { NAME, readPattern } from './patterns.ts';
import { itemsAt, objectAt, textAt, wordAt } from './reader.ts';

const KINDS = ['container', 'network', 'entity', 'ipBlock'] as const;

/** @throws PolicyFault. */
export function readPeer(field: string, value: unknown, direction: Direction): Peer {
  const peer = objectAt(field, value, KINDS);
  const given = KINDS.filter((each) => peer[each] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1)
    throw new PolicyFault(field, `it has ${given.length} of ${KINDS.join(', ')}; give exactly one`);
  const at = `${field}.${kind}`;
  if (kind === 'container') return { container: readPattern(at, peer.container) };
  if (kind === 'network') return { network: textAt(at, peer.network, NAME, 'a name of a network') };
  if (kind === 'ipBlock') return readBlock(at, peer.ipBlock);
  const entity = wordAt(at, peer.entity, ENTITIES);
  if (entity === 'dns' && direction === 'ingress')
    throw new PolicyFault(at, 'dns is where questions go, so that it belongs into egress; use host');
  return { entity };
}

function readBlock(field: string, value: unknown): Peer {
  const { cidr, except = [] } = objectAt(field, value, ['cidr', 'except']);
  const block = cidrAt(`${field}.cidr`, cidr);
  return {
    cidr: textOf(block),
    except: itemsAt(`${field}.except`, except, (at, item) => {
      const inner = cidrAt(at, item);
      const isInside = block.contains(inner.network) && block.contains(inner.last);
      if (!isInside) throw new PolicyFault(at, `${textOf(inner)} is not inside of ${textOf(block)}; leave it out`);
      return textOf(inner);
    }),
  };
}

const textOf = ({ network, prefix }: Cidr): string => `${network}/${prefix}`;

function cidrAt(field: string, value: unknown): Cidr {
  if (typeof value !== 'string') throw new PolicyFault(field, `${shown(value)} is no subnet; write 10.1.0.0/16`);
  try {
    const cidr = parseCidr(value);
    if (cidr.ip.value === cidr.network.value) return cidr;
    throw new PolicyFault(field, `${shown(value)} has host bits; write ${textOf(cidr)}`);
  } catch (error) {
    if (error instanceof AddressError) throw new PolicyFault(field, error.message);
    throw error;
  }
}
