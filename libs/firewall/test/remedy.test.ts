import { expect, it } from 'vitest';
import { judge, obstacleOf, publishedObstacleOf, remedyFor, type Table } from '../src/index.ts';
import { judged, recorded, table } from './rulesets.ts';

function remedy(tables: readonly Table[]) {
  const { outgoing } = judged(tables);
  if (outgoing.state !== 'blocked') throw new Error(`expected it to be blocked: ${JSON.stringify(outgoing)}`);
  return remedyFor(outgoing.place, 'br0', tables);
}

it('ufw: its own command, and its own file for published ports', () => {
  expect(remedy(recorded('ufw'))).toEqual({
    outgoing: ['ufw route allow in on br0'],
    published: [
      "sed -i '/^# End required lines/a -A ufw-before-forward -o br0 -m conntrack --ctstate DNAT -j ACCEPT' /etc/ufw/before.rules",
      'ufw reload',
    ],
  });
});

it('Docker: the chain that it leaves to its users', () => {
  expect(remedy(recorded('docker'))).toEqual({
    outgoing: [
      'iptables -I DOCKER-USER -i br0 -j ACCEPT',
      'iptables -I DOCKER-USER -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ],
    published: ['iptables -I DOCKER-USER -o br0 -m conntrack --ctstate DNAT -j ACCEPT'],
  });
});

it('nft: answers and published ports only', () => {
  expect(remedy(table([], { policy: 'drop' }))).toEqual({
    outgoing: [
      'nft insert rule inet fw forward iifname br0 accept',
      'nft insert rule inet fw forward oifname br0 ct state established,related accept',
    ],
    published: ['nft insert rule inet fw forward oifname br0 ct status dnat accept'],
  });
});

it('firewalld: a zone of its own', () => {
  const tables = table([], { policy: 'drop' }).map((each) => ({
    ...each,
    name: 'firewalld',
    chains: new Map([...each.chains].map(([name, chain]) => [name, { ...chain, table: 'firewalld' }])),
  }));
  expect(remedy(tables).outgoing).toContain('firewall-cmd --permanent --zone=flatnet --add-interface=br0');
});

it('the sentence holds the commands for both ways where both are closed, and for one where one is', () => {
  const closed = { tables: recorded('docker'), uplinks: { others: [] }, unreadable: [] };
  const network = { bridge: 'br0', subnets: [] };
  expect(obstacleOf(judge(network, closed), 'br0', closed)).toBe(
    'chain FORWARD of table ip filter (policy drop) drops IPv4 TCP packets to other hosts of br0; allow them, e.g.: ' +
      'iptables -I DOCKER-USER -i br0 -j ACCEPT; ' +
      'iptables -I DOCKER-USER -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; ' +
      'iptables -I DOCKER-USER -o br0 -m conntrack --ctstate DNAT -j ACCEPT',
  );
  const half = { ...closed, tables: recorded('docker-allowed') };
  expect(obstacleOf(judge(network, half), 'br0', half)).toBeUndefined();
  expect(publishedObstacleOf(judge(network, half), 'br0', half)).toMatch(
    /e\.g\.: iptables -I DOCKER-USER -o br0 -m conntrack --ctstate DNAT -j ACCEPT$/,
  );
});
