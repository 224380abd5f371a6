import { expect, it } from 'vitest';
import { parseCidr } from '@flatnet/addressing';
import {
  judge,
  judgeQuestions,
  obstacleOf,
  publishedObstacleOf,
  questionsObstacleOf,
  remedyFor,
  type Table,
} from '../src/index.ts';
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

it.each<[string, { readonly table?: string; readonly chain?: string; readonly family?: string }, string]>([
  ['nft', {}, 'nft insert rule inet fw forward iifname br0 udp dport 53 accept; nft insert'],
  ['ufw', { chain: 'ufw-before-input' }, 'ufw allow in on br0 to any port 53'],
  ['firewalld', { table: 'firewalld' }, 'firewall-cmd --permanent --new-zone=flatnet; '],
  [
    'iptables',
    { table: 'filter', chain: 'INPUT', family: 'ip' },
    'iptables -I INPUT -i br0 -p udp --dport 53 -j ACCEPT; ',
  ],
])('questions to a server of the host that %s drops: what opens the port to one bridge', (_tool, made, commands) => {
  const [{ chains, ...rest }] = table([], { policy: 'drop' }) as [Table];
  const [[name, base]] = chains as unknown as [[string, NonNullable<ReturnType<(typeof chains)['get']>>]];
  const { table: of = rest.name, family = rest.family, chain } = made;
  const input = { ...base, hook: 'input', table: of, family };
  const own = new Map<string, object>([[name, input]]);
  if (chain !== undefined) own.set(chain, { ...input, name: chain, hook: undefined });
  const tables = [{ ...rest, name: of, family, chains: own }] as unknown as readonly Table[];
  const firewalls = { tables, uplinks: { others: [] }, unreadable: [] };
  const network = { bridge: 'br0', subnets: [parseCidr('10.60.0.0/24')] };
  const verdict = judgeQuestions(network, { addresses: ['10.60.0.1'], port: 53 }, firewalls);
  expect(questionsObstacleOf(verdict, 'br0', 53, firewalls)).toContain(
    `drops IPv4 UDP packets to port 53 of 10.60.0.1 of br0; allow them, e.g.: ${commands}`,
  );
});

it('a chain of the hook forward is not asked about questions to the host', () => {
  const firewalls = { tables: table([], { policy: 'drop' }), uplinks: { others: [] }, unreadable: [] };
  const network = { bridge: 'br0', subnets: [] };
  expect(judgeQuestions(network, { addresses: ['10.60.0.1'], port: 53 }, firewalls)).toEqual({ state: 'passes' });
});
