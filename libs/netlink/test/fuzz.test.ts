import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFlow, listFlows } from '../src/conntrack/flow.ts';
import { dump, type Query, request, WireError } from '../src/index.ts';
import { NLMSG_DONE, NLMSG_ERROR, readOutcome, splitMessages } from '../src/message.ts';
import { commit } from '../src/nft/batch.ts';
import { decodeChain, listChains } from '../src/nft/chain.ts';
import * as nft from '../src/nft/constants.ts';
import { decodeElements, listElements } from '../src/nft/element.ts';
import { decodeRule, listTableRules } from '../src/nft/rule.ts';
import { decodeSet, listSets } from '../src/nft/set.ts';
import { decodeTable, listTables } from '../src/nft/table.ts';
import { commentOf } from '../src/nft/userdata.ts';
import { decodeAddress, listAddresses } from '../src/route/address.ts';
import { decodeVlans, listVlans } from '../src/route/bridge-vlan.ts';
import * as route from '../src/route/constants.ts';
import { decodeFdb, listFdb } from '../src/route/fdb.ts';
import { decodeNeighbour, listNeighbours } from '../src/route/neighbour.ts';
import { newLink } from '../src/route/new-link.ts';
import { decodeQdisc, listQdiscs } from '../src/route/qdisc.ts';
import { INGRESS_HANDLE } from '../src/route/tc-header.ts';
import { decodeFilter, listFilters } from '../src/route/filter.ts';
import { decodeLink, listLinks } from '../src/route/read-link.ts';
import { decodeRoute, listRoutes } from '../src/route/read-route.ts';
import { decodeRule as decodeRoutingRule, listRules } from '../src/route/rule.ts';
import { MESSAGES } from './nft/ruleset.ts';
import { type Host, openHost } from './support/host.ts';

let host: Host;
beforeAll(() => {
  host = openHost();
  request(host.route, newLink({ kind: 'bridge', name: 'br0', up: true }));
  request(host.route, newLink({ kind: 'veth', name: 'v0', up: true, masterIndex: 2, peer: { name: 'v1' } }));
  request(
    host.route,
    newLink({ kind: 'vxlan', name: 'vx0', up: true, vxlan: { id: 7, remote: '10.0.0.1', port: 4789 } }),
  );
  const run = (...args: readonly string[]) => host.run('ip', ...args);
  run('link', 'set', 'lo', 'up');
  run('link', 'set', 'v1', 'up');
  run('address', 'add', '10.1.0.1/24', 'dev', 'br0');
  run('route', 'add', '10.2.0.0/16', 'nexthop', 'via', '10.1.0.2', 'weight', '3', 'nexthop', 'dev', 'v1');
  run('neigh', 'add', '10.1.0.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'br0');
  run('rule', 'add', 'from', '10.1.0.1', 'table', '500');
  host.run('tc', 'qdisc', 'add', 'dev', 'v1', 'root', 'tbf', 'rate', '1mbit', 'burst', '10kb', 'limit', '30kb');
  host.run('tc', 'qdisc', 'add', 'dev', 'lo', 'ingress');
  const redirect = 'u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev lo';
  host.run('tc', ...`filter add dev lo parent ffff: protocol all pref 7 ${redirect}`.split(' '));
  commit(host.nft, MESSAGES);
  host.run('bash', '-c', 'echo x >/dev/udp/127.0.0.1/5000');
});
afterAll(() => host.close());

interface Reader {
  readonly type: number;
  readonly list: Query<unknown>;
  readonly on: 'route' | 'nft';
  decode(body: Uint8Array, type: number): unknown;
}

const T = { family: 'inet', table: 't' } as const;
const READERS: Readonly<Record<string, Reader>> = {
  link: { type: route.RTM_NEWLINK, list: listLinks(), on: 'route', decode: decodeLink },
  address: { type: route.RTM_NEWADDR, list: listAddresses(), on: 'route', decode: decodeAddress },
  route: { type: route.RTM_NEWROUTE, list: listRoutes({ family: 4 }), on: 'route', decode: decodeRoute },
  'routing rule': { type: route.RTM_NEWRULE, list: listRules(4), on: 'route', decode: decodeRoutingRule },
  neighbour: { type: route.RTM_NEWNEIGH, list: listNeighbours({ family: 4 }), on: 'route', decode: decodeNeighbour },
  'forwarding entry': { type: route.RTM_NEWNEIGH, list: listFdb(), on: 'route', decode: decodeFdb },
  vlans: { type: route.RTM_NEWLINK, list: listVlans(), on: 'route', decode: decodeVlans },
  qdisc: { type: route.RTM_NEWQDISC, list: listQdiscs(), on: 'route', decode: decodeQdisc },
  filter: {
    type: route.RTM_NEWTFILTER,
    list: listFilters(1, INGRESS_HANDLE),
    on: 'route',
    decode: decodeFilter,
  },
  table: { type: nft.NEWTABLE, list: listTables(), on: 'nft', decode: decodeTable },
  chain: { type: nft.NEWCHAIN, list: listChains(), on: 'nft', decode: decodeChain },
  set: { type: nft.NEWSET, list: listSets(T), on: 'nft', decode: decodeSet },
  elements: { type: nft.NEWSETELEM, list: listElements({ ...T, set: 'address6' }), on: 'nft', decode: decodeElements },
  rule: { type: nft.NEWRULE, list: listTableRules(T), on: 'nft', decode: decodeRule },
  flow: { type: 1 << 8, list: listFlows({ family: 4 }), on: 'nft', decode: decodeFlow },
};

/** A reader may answer or refuse; it may not fail in another way. */
const survives = (read: () => unknown): boolean => {
  try {
    read();
    return true;
  } catch (error) {
    return error instanceof WireError;
  }
};

const bytes = fc.uint8Array({ maxLength: 200 });

describe.each(Object.entries(READERS))('the reader of a %s', (_name, { type, list, on, decode }) => {
  /** What this kernel says, as bytes. */
  const samples = (): readonly Uint8Array[] =>
    dump(host[on], { ...list, decode: (body: Uint8Array, got: number) => (got === type ? body.slice() : undefined) });

  it('reads what the kernel says', () => {
    const bodies = samples();
    expect(bodies.length).toBeGreaterThan(0);
    expect(bodies.filter((body) => decode(body, type) !== undefined).length).toBeGreaterThan(0);
  });

  it('takes any bytes', () => {
    fc.assert(fc.property(bytes, (body) => survives(() => decode(body, type))));
  });

  it('takes what the kernel says when it is cut, and when bytes of it are others', () => {
    const bodies = samples();
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.array(change, { maxLength: 6 }), (which, cut, changes) => {
        const body = (bodies[which % bodies.length] as Uint8Array).slice();
        for (const [at, byte] of changes) body[at % body.length] = byte;
        const part = cut % 3 === 0 ? body.subarray(0, cut % (body.length + 1)) : body;
        return survives(() => decode(part, type));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the reader of datagrams', () => {
  it('takes any bytes', () => {
    fc.assert(fc.property(bytes, (datagram) => survives(() => splitMessages(datagram))));
  });

  it('takes any outcome', () => {
    const outcome = fc.record({
      type: fc.constantFrom(NLMSG_DONE, NLMSG_ERROR),
      flags: fc.integer({ min: 0, max: 0xffff }),
      sequence: fc.constant(1),
      body: bytes,
    });
    fc.assert(fc.property(outcome, (received) => survives(() => readOutcome(received))));
  });

  it('takes any user data for a comment', () => {
    fc.assert(fc.property(bytes, (data) => survives(() => commentOf(data))));
  });
});
