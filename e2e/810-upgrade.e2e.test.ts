/** A host with rules, records, leases and links of version 0.1.0, whose containers run on: every verb of this version on it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  chainOf,
  findLeaks,
  openSandbox,
  takeInventory,
  type Chain,
  type Inventory,
  type Sandbox,
} from '@flatnet/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { expectPing, fetchPage, withServer } from './fixture.ts';
import { operatorOf } from './operator.ts';
import { attachmentOf, attachmentsOf, layOut, networks, results } from './upgrade/lay-out.ts';

const ALL = networks.flatMap(({ name }) => attachmentsOf(name));
const OUTSIDE = '192.0.2.2';

let sandbox: Sandbox;
let before: Inventory;
let chains: ReadonlyMap<string, Chain>;
beforeAll(async () => {
  sandbox = await openSandbox();
  await sandbox.addNetns('outside');
  const ip = (line: string) => sandbox.must('ip', line.split(' '));
  await ip('link add up0 type veth peer name eth0 netns outside');
  await ip('address add 192.0.2.1/24 dev up0');
  await ip('link set up0 up');
  await ip('-n outside address add 192.0.2.2/24 dev eth0');
  await ip('-n outside link set eth0 up');
  before = await takeInventory(sandbox);
}, 60_000);
afterAll(() => sandbox?.close());

beforeEach(async () => {
  const ids = ['new', ...Object.keys(results)].join(' ');
  const links = 'for link in fl-web br-db; do ip link delete $link; done';
  const emptied = [
    'nft flush ruleset',
    'rm -rf /run/cni /run/flatnet',
    `for id in ${ids}; do ip netns delete $id; done`,
  ];
  await sandbox.run('sh', ['-c', [...emptied, links].join('; ')]);
  await layOut(sandbox);
  chains = new Map(networks.map((network) => [network.name, chainOf(sandbox, network)]));
  for (const { name } of networks)
    for (const each of attachmentsOf(name)) chain(name).keep(each, results[each.containerId]!);
}, 60_000);

const chain = (name: string): Chain => chains.get(name)!;

/** A published port answers from outside. */
const reaches = async (port: number, container: string): Promise<void> => {
  expect(await fetchPage(sandbox, '192.0.2.1', port, 'outside'), `port ${port}`).toBe(`served by ${container}`);
};

const allReach = async (): Promise<void> => {
  await withServer(sandbox, 'web1', 80, () =>
    withServer(sandbox, 'web2', 80, () =>
      withServer(sandbox, 'db1', 80, async () => {
        await reaches(8081, 'web1');
        await reaches(8082, 'web2');
        await reaches(9001, 'db1');
      }),
    ),
  );
  for (const { containerId } of ALL) await expectPing(sandbox, containerId, OUTSIDE);
};

const delAll = async (): Promise<void> => {
  for (const { name } of networks) for (const each of attachmentsOf(name)) await chain(name).del(each);
  for (const { containerId } of ALL) await sandbox.deleteNetns(containerId);
};

it('the host is as version 0.1.0 left it', allReach, 60_000);

it('CHECK passes', async () => {
  for (const { name } of networks) for (const each of attachmentsOf(name)) await chain(name).check(each);
}, 60_000);

it('DEL of all leaves nothing but the bridges', async () => {
  await delAll();
  expect(await findLeaks(sandbox, before)).toEqual([]);
}, 60_000);

it('GC keeps what is valid, and frees the rest whole', async () => {
  // Version 1.0.0 of the protocol, which the other network speaks, has no GC.
  await chain('web').gc(attachmentsOf('web'));
  await allReach();
  await chain('web').gc([]);
  for (const each of attachmentsOf('db')) await chain('db').del(each);
  for (const { containerId } of ALL) await sandbox.deleteNetns(containerId);
  expect(await findLeaks(sandbox, before)).toEqual([]);
}, 90_000);

it('rules reload repairs what a flush took', async () => {
  const netDir = join(sandbox.folder, 'net.d');
  mkdirSync(netDir, { recursive: true });
  for (const network of networks) writeFileSync(join(netDir, `${network.name}.conflist`), JSON.stringify(network));
  await sandbox.must('nft', ['flush', 'ruleset']);
  await operatorOf(sandbox, netDir).must('rules', 'reload');
  await allReach();
  await delAll();
  expect(await findLeaks(sandbox, before)).toEqual([]);
}, 90_000);

/** A TCP connection through a published port that sends a line each 100 ms, and demands it back. */
const CONNECTION = `exec 3<>/dev/tcp/192.0.2.1/8081 || exit 1
for line in $(seq 60); do
  echo $line >&3; read -t 5 -u 3 answer && [ "$answer" = "$line" ] || { echo "line $line came back as '$answer'"; exit 1; }
  sleep 0.1
done`;

it('a running container keeps its traffic while another is attached and GC runs', async () => {
  await sandbox.addNetns('new');
  const echo = sandbox.inNetns('web1', 'busybox', ['nc', '-l', '-p', '80', '-e', 'cat'], { timeoutMs: 30_000 });
  const listening = await sandbox.inNetns('web1', 'sh', [
    '-c',
    'until ss -Hltn "sport = 80" | grep -q .; do sleep 0.05; done',
  ]);
  expect(listening.exitCode).toBe(0);
  const connection = sandbox.inNetns('outside', 'bash', ['-c', CONNECTION], { timeoutMs: 30_000 });
  const pings = sandbox.inNetns('web3', 'busybox', ['ping', '-i', '0.2', '-c', '25', '-W', '2', OUTSIDE], {
    timeoutMs: 30_000,
  });

  const fresh = attachmentOf('new', [{ hostPort: 8090, containerPort: 80, protocol: 'tcp' }]);
  const result = await chain('web').add(fresh);
  await chain('web').gc([...attachmentsOf('web'), fresh]);
  await withServer(sandbox, 'new', 80, () => reaches(8090, 'new'));
  await chain('web').del(fresh);

  expect((await pings).stdout).toContain('25 packets received');
  expect(await connection).toMatchObject({ exitCode: 0 });
  await echo;
  const ips = (result['ips'] as { address: string }[]).map(({ address }) => address);
  expect(Object.values(results).flatMap((old) => old.ips.map(({ address }) => address))).not.toEqual(
    expect.arrayContaining(ips),
  );
  await sandbox.deleteNetns('new');
  await delAll();
  expect(await findLeaks(sandbox, before)).toEqual([]);
}, 90_000);
