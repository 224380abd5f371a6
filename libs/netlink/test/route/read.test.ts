import { ENODEV, ENOENT, O_RDONLY } from '@flatnet/sys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dump, find, get, request } from '../../src/index.ts';
import { listAddresses } from '../../src/route/address.ts';
import { listFdb } from '../../src/route/fdb.ts';
import { getNeighbour, listNeighbours } from '../../src/route/neighbour.ts';
import { getNsid } from '../../src/route/nsid.ts';
import { listQdiscs } from '../../src/route/qdisc.ts';
import { getLink, listLinks } from '../../src/route/read-link.ts';
import { listRoutes, lookupRoute } from '../../src/route/read-route.ts';
import { listRules } from '../../src/route/rule.ts';
import { deleteAltName, deleteLink, setLink } from '../../src/route/set-link.ts';
import { type Host, openHost, sys } from '../support/host.ts';

/** What iproute2 set up, as this library reads it. */
let host: Host;
let inside: Host;
beforeAll(() => {
  host = openHost();
  inside = openHost();
  const commands = [
    'link set lo up',
    'link add br0 address 02:00:00:00:00:10 type bridge stp_state 0 ageing_time 20000',
    'link set br0 up',
    `link add v0 mtu 1400 type veth peer name eth0 netns ${inside.name}`,
    'link set v0 master br0 up alias owner',
    'link set v0 type bridge_slave hairpin on isolated on learning off',
    'link property add dev v0 altname a-very-long-name-of-this-link',
    'link add vx0 type vxlan id 7 remote 10.1.0.9 local 10.1.0.1 dstport 4789 dev br0',
    'address add 10.1.0.1/24 broadcast + dev br0',
    'address add fd01::1/64 nodad dev br0',
    'route add 10.2.0.0/16 via 10.1.0.2 metric 50 mtu 1300',
    'route add 10.3.0.0/16 nexthop via 10.1.0.3 weight 2 nexthop via 10.1.0.4 weight 1',
    'route add unreachable 10.4.0.0/16',
    'route add 10.5.0.0/16 dev br0 table 1000 src 10.1.0.1 proto static',
    'route add fd02::/64 via fd01::2',
    'rule add from 10.1.0.7 table 1000 priority 70',
    'rule add to 10.9.0.0/16 iif br0 table 200 priority 71',
    'neigh add 10.1.0.20 lladdr 02:00:00:00:00:20 dev br0',
    'neigh add proxy 10.1.0.21 dev br0',
  ];
  for (const command of commands) host.run('ip', ...command.split(' '));
  inside.run('ip', 'link', 'set', 'eth0', 'up');
  host.run('bridge', 'fdb', 'append', '00:00:00:00:00:00', 'dev', 'vx0', 'dst', '10.1.0.99', 'self');
  host.run('tc', 'qdisc', 'add', 'dev', 'v0', 'root', 'tbf', 'rate', '8mbit', 'burst', '10kb', 'limit', '30kb');
});
afterAll(() => {
  host.close();
  inside.close();
});
const link = (name: string) => get(host.route, getLink({ name }));

describe('links', () => {
  it('with their names, their kind and what they are in', () => {
    const port = link('v0');
    expect(port).toMatchObject({
      kind: 'veth',
      mtu: 1400,
      up: true,
      carrier: true,
      operState: 'up',
      alias: 'owner',
      altNames: ['a-very-long-name-of-this-link'],
      masterIndex: link('br0').index,
      port: { hairpin: true, isolated: true, learning: false, flood: true, state: 'forwarding' },
    });
    expect(get(host.route, getLink({ altName: 'a-very-long-name-of-this-link' }))).toEqual(port);
    expect(get(host.route, getLink({ index: port.index }))).toEqual(port);
    expect(link('br0')).toMatchObject({
      kind: 'bridge',
      mac: '02:00:00:00:00:10',
      bridge: { stp: false, ageingTime: 20_000, vlanFiltering: false },
    });
    expect(link('lo')).not.toHaveProperty('kind');
    expect(link('vx0').vxlan).toEqual({
      id: 7,
      remote: '10.1.0.9',
      local: '10.1.0.1',
      port: 4789,
      learning: true,
      linkIndex: link('br0').index,
    });
  });

  it('with the namespace of the other end of a veth', () => {
    const netns = sys.open(inside.path, O_RDONLY);
    const own = sys.open(host.path, O_RDONLY);
    const peer = get(inside.route, getLink({ name: 'eth0' }));
    expect(link('v0')).toMatchObject({ parentIndex: peer.index, parentNetnsId: get(host.route, getNsid(netns)) });
    expect(peer).toMatchObject({ parentIndex: link('v0').index, parentNetnsId: get(inside.route, getNsid(own)) });
    const third = openHost();
    const other = sys.open(third.path, O_RDONLY);
    expect(get(host.route, getNsid(other))).toBe(-1);
    for (const fd of [netns, own, other]) sys.close(fd);
    third.close();
  });

  it('of one master, of one kind, or all', () => {
    const names = (filter?: Parameters<typeof listLinks>[0]) =>
      dump(host.route, listLinks(filter)).map(({ name }) => name);
    expect(names()).toEqual(['lo', 'br0', 'v0', 'vx0']);
    expect(names({ masterIndex: link('br0').index })).toEqual(['v0']);
    expect(names({ kind: 'vxlan' })).toEqual(['vx0']);
    expect(names({ masterIndex: 4000 })).toEqual([]);
  });

  it('that are many', () => {
    host.run('bash', '-c', 'for i in $(seq 60); do echo link add many$i type bridge; done | ip -batch -');
    expect(dump(host.route, listLinks({ kind: 'bridge' }))).toHaveLength(61);
  });
});

it('addresses of one link, of one family', () => {
  const { index } = link('br0');
  expect(dump(host.route, listAddresses({ index, family: 4 }))).toEqual([
    expect.objectContaining({
      index,
      family: 4,
      address: '10.1.0.1',
      prefixLength: 24,
      broadcast: '10.1.0.255',
      permanent: true,
    }),
  ]);
  const v6 = dump(host.route, listAddresses({ index, family: 6 })).map(({ address }) => address);
  expect(v6).toContain('fd01::1');
  expect(v6.find((address) => address.startsWith('fe80::'))).toBeDefined();
  expect(dump(host.route, listAddresses({ index: link('lo').index })).map(({ address }) => address)).toEqual([
    '127.0.0.1',
    '::1',
  ]);
  expect(find(host.route, getLink({ index: 4000 }), ENODEV)).toBeUndefined();
});

describe('routes', () => {
  it('of a table, a link, or all', () => {
    const main = dump(host.route, listRoutes({ family: 4, table: 254 }));
    expect(main).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          destination: '10.2.0.0/16',
          gateway: '10.1.0.2',
          metric: 50,
          metrics: { mtu: 1300 },
        }),
        expect.objectContaining({ destination: '10.4.0.0/16', type: 'unreachable' }),
        expect.objectContaining({
          destination: '10.3.0.0/16',
          nextHops: [
            { gateway: '10.1.0.3', index: link('br0').index, weight: 2, onlink: false },
            { gateway: '10.1.0.4', index: link('br0').index, weight: 1, onlink: false },
          ],
        }),
      ]),
    );
    expect(main.every(({ table }) => table === 254)).toBe(true);
    expect(dump(host.route, listRoutes({ family: 4, table: 1000 }))).toEqual([
      {
        family: 4,
        destination: '10.5.0.0/16',
        type: 'unicast',
        table: 1000,
        protocol: 4,
        scope: 253,
        index: link('br0').index,
        onlink: false,
        dead: false,
        prefSrc: '10.1.0.1',
      },
    ]);
    expect(dump(host.route, listRoutes({ family: 4, index: link('lo').index, type: 'local' })).length).toBeGreaterThan(
      0,
    );
    expect(dump(host.route, listRoutes({ family: 6, table: 254 })).map(({ destination }) => destination)).toContain(
      'fd02::/64',
    );
  });

  it('that one packet takes', () => {
    expect(get(host.route, lookupRoute({ destination: '10.2.7.7' }))).toMatchObject({
      gateway: '10.1.0.2',
      prefSrc: '10.1.0.1',
      table: 254,
    });
    expect(get(host.route, lookupRoute({ destination: '10.2.7.7', fibMatch: true }))).toMatchObject({
      destination: '10.2.0.0/16',
      metric: 50,
    });
    expect(get(host.route, lookupRoute({ destination: 'fd02::7' }))).toMatchObject({ family: 6, gateway: 'fd01::2' });
    expect(get(host.route, lookupRoute({ destination: '10.1.0.1' }))).toMatchObject({ type: 'local' });
    const code = (name: string) => expect.objectContaining({ code: name }) as Error;
    expect(() => get(host.route, lookupRoute({ destination: '10.4.0.1' }))).toThrow(code('EHOSTUNREACH'));
    expect(() => get(host.route, lookupRoute({ destination: '192.0.2.1' }))).toThrow(code('ENETUNREACH'));
  });
});

it('rules', () => {
  const rules = dump(host.route, listRules(4)).filter(({ priority }) => priority === 70 || priority === 71);
  expect(rules).toEqual([
    { family: 4, priority: 70, table: 1000, action: 1, from: '10.1.0.7/32' },
    { family: 4, priority: 71, table: 200, action: 1, to: '10.9.0.0/16', iif: 'br0' },
  ]);
});

it('neighbours and proxies', () => {
  const { index } = link('br0');
  const fixed = {
    index,
    family: 4,
    address: '10.1.0.20',
    mac: '02:00:00:00:00:20',
    state: 0x80,
    permanent: true,
    proxy: false,
  };
  expect(get(host.route, getNeighbour({ index, address: '10.1.0.20' }))).toEqual(fixed);
  expect(dump(host.route, listNeighbours({ family: 4, index }))).toContainEqual(fixed);
  expect(get(host.route, getNeighbour({ index, address: '10.1.0.21', proxy: true }))).toMatchObject({ proxy: true });
  expect(dump(host.route, listNeighbours({ family: 4, index, proxy: true })).map(({ address }) => address)).toEqual([
    '10.1.0.21',
  ]);
  expect(find(host.route, getNeighbour({ index, address: '10.1.0.21' }), ENOENT)).toBeUndefined();
  expect(find(host.route, getNeighbour({ index, address: '10.1.0.20', proxy: true }), ENOENT)).toBeUndefined();
});

it('forwarding entries and queues', () => {
  const vxlan = link('vx0').index;
  const remotes = dump(host.route, listFdb({ index: vxlan })).map(({ remote, self, mac }) => [mac, remote, self]);
  expect(remotes).toContainEqual(['00:00:00:00:00:00', '10.1.0.99', true]);
  expect(dump(host.route, listFdb({ masterIndex: link('br0').index })).map(({ mac }) => mac)).toContain(link('v0').mac);
  const [qdisc] = dump(host.route, listQdiscs({ index: link('v0').index }));
  expect(qdisc).toMatchObject({ kind: 'tbf', bucket: { rate: 1_000_000, limit: 30_720, burst: 10_240 } });
});

it('links are renamed, lose names, and go', () => {
  request(host.route, setLink({ index: link('vx0').index }, { up: false }));
  request(host.route, setLink({ index: link('vx0').index }, { name: 'vx1', alias: 'short-lived' }));
  expect(link('vx1').alias).toBe('short-lived');
  request(host.route, setLink({ name: 'vx1' }, { alias: '' }));
  expect(link('vx1')).not.toHaveProperty('alias');
  request(host.route, deleteAltName({ name: 'v0' }, 'a-very-long-name-of-this-link'));
  expect(link('v0').altNames).toEqual([]);
  request(host.route, deleteLink({ name: 'v0' }));
  expect(find(inside.route, getLink({ name: 'eth0' }), ENODEV)).toBeUndefined();
});
