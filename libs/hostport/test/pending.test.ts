import { existsSync } from 'node:fs';
import type { Nft } from '@flatnet/kernel';
import { expect, test } from 'vitest';
import { collect, portsOf, publishOrWait, withdraw } from '../src/index.ts';
import { alive, fakeNft, heldBy, newRecords, record } from './fixture.ts';

test('a second attachment of a container waits for the ports of the first, and has them after its DEL', async () => {
  const records = newRecords();
  const [first, second] = [alive(record('a', 'web', '10.0.0.2')), alive(record('b', 'web', '10.1.0.2'))];
  records.write(first);
  const nft = fakeNft('Error: File exists', heldBy(first, 8080, 8081));
  await publishOrWait(nft, records, second);
  expect(records.read(second.owner)).toMatchObject({ publications: [], waiting: second.publications });
  expect(nft.sent.at(-1)).not.toContain('8080');

  await withdraw(nft, records, first.owner);
  expect(nft.sent.at(-1)).toMatch(/"create":.*8080.*10\.1\.0\.2/);
  expect(records.read(second.owner)?.publications).toEqual(second.publications);
  expect(records.read(second.owner)?.waiting).toBeUndefined();
  await withdraw(nft, records, second.owner);
  expect(records.waitingOf('web')).toEqual([]);
});

test('waits only for what the other attachment has, and not for another container', async () => {
  const records = newRecords();
  const holder = alive(record('a', 'web', '10.0.0.2'));
  const half = { ...holder, publications: [{ ...holder.publications[0]!, count: 1 }] };
  records.write(half);
  const listing = heldBy(half, 8080);
  const nft = fakeNft('Error: File exists', listing, '', 'Error: File exists', listing);
  await publishOrWait(nft, records, alive(record('b', 'web', '10.1.0.2')));
  expect(records.read(record('b', 'web', '').owner)).toMatchObject({
    publications: [{ hostPort: 8081, count: 1 }],
    waiting: [{ hostPort: 8080, count: 1 }],
  });
  await expect(publishOrWait(nft, records, alive(record('c', 'other', '10.2.0.2')))).rejects.toThrow('held by web');
});

test('what a dead attachment waits for goes to nobody', async () => {
  const records = newRecords();
  const first = alive(record('a', 'web', '10.0.0.2'));
  const { publications, ...rest } = record('b', 'web', '10.1.0.2');
  records.write(first);
  records.write({ ...rest, netnsId: '1:1', publications: [], waiting: publications });
  const nft = fakeNft();
  await withdraw(nft, records, first.owner);
  expect(nft.sent).toHaveLength(1);
  expect(nft.sent[0]).not.toContain('"create"');
});

test('DEL succeeds when after a flush another container has the port: the successor goes on waiting, and that is noted', async () => {
  const records = newRecords();
  const [first, second] = [alive(record('a', 'web', '10.0.0.2')), alive(record('b', 'web', '10.1.0.2'))];
  const stranger = alive(record('c', 'other', '10.2.0.2'));
  for (const each of [first, stranger]) records.write(each);
  const { publications, ...rest } = second;
  records.write({ ...rest, publications: [], waiting: publications });
  const nft = fakeNft('', 'Error: File exists', heldBy(stranger, 8080, 8081));
  const notes: string[] = [];
  expect(await withdraw(nft, records, first.owner, { note: (text) => notes.push(text) })).toEqual(first);
  expect(records.read(second.owner)).toEqual({ ...rest, publications: [], waiting: publications });
  expect(notes).toEqual([expect.stringContaining('held by other')]);
});

test.each([
  ['while its ports are published for it', ''],
  ['while they are refused to it', 'Error: File exists'],
])('a successor whose own DEL comes %s is left with nothing', async (_when, answer) => {
  const records = newRecords();
  const [first, second] = [alive(record('a', 'web', '10.0.0.2')), alive(record('b', 'web', '10.1.0.2'))];
  const stranger = alive(record('c', 'other', '10.2.0.2'));
  const { publications, ...rest } = second;
  for (const each of [first, stranger, { ...rest, publications: [], waiting: publications }]) records.write(each);
  const ours = fakeNft('', answer, heldBy(stranger, 8080, 8081));
  const theirs = fakeNft();
  let isOver = false;
  const apply: Nft['apply'] = async (commands) => {
    const isHandedOver = /"create":.*10\.1\.0\.2/.test(JSON.stringify(commands));
    // The whole DEL of the other process, before the kernel has the transaction of this one.
    if (isHandedOver && !isOver) {
      isOver = true;
      await withdraw(theirs, records, second.owner);
    }
    return ours.apply(commands);
  };
  await withdraw({ ...ours, apply }, records, first.owner);
  expect(isOver).toBe(true);
  expect(records.read(second.owner)).toBeUndefined();
  expect(records.waitingOf('web')).toEqual([]);
  if (answer === '')
    expect(ours.sent.findLast((words) => !words.startsWith('list'))).toMatch(/"delete":.*8080.*10\.1\.0\.2/);
});

test.each([
  ['before its hand-over', 1],
  ['in its hand-over', 2],
])('a DEL that was killed %s is finished by the next one', async (_when, transactions) => {
  const records = newRecords();
  const [first, second] = [alive(record('a', 'web', '10.0.0.2')), alive(record('b', 'web', '10.1.0.2'))];
  const { publications, ...rest } = second;
  records.write(first);
  records.write({ ...rest, publications: [], waiting: publications });
  if (transactions === 1) records.remove(first);
  else await withdraw(fakeNft('', 'Error: Operation not permitted'), records, first.owner);
  const nft = fakeNft();
  await withdraw(nft, records, first.owner);
  // Without a record the kernel's list is asked first.
  const { length } = nft.sent.filter((words) => !words.startsWith('list'));
  expect(length).toBe(1);
  expect(nft.sent.at(-1)).toMatch(/8080.*10\.1\.0\.2/);
  expect(records.read(second.owner)).toEqual(second);
});

test('a chain named by its content is made by its first user and deleted by its last', async () => {
  const records = newRecords();
  const nft = fakeNft();
  const [first, second] = [
    record('a', 'one', '10.0.0.2', ['192.0.2.0/24']),
    record('b', 'two', '10.0.0.3', ['192.0.2.0/24']),
  ];
  await publishOrWait(nft, records, alive(first));
  await publishOrWait(nft, records, alive(second));
  expect(nft.sent.map((text) => text.includes('"add":{"chain"'))).toEqual([true, false]);
  await withdraw(nft, records, first.owner);
  await withdraw(nft, records, second.owner);
  expect(nft.sent.slice(2, 4).map((text) => (text.match(/"delete":\{"chain"/g) ?? []).length)).toEqual([0, 2]);
});

test('a chain that has a new user stays, and the elements go', async () => {
  const records = newRecords();
  const nft = fakeNft('', ...Array<string>(6).fill('Error: Device or resource busy'));
  await publishOrWait(nft, records, alive(record('a', 'one', '10.0.0.2')));
  await withdraw(nft, records, record('a', 'one', '').owner);
  expect(nft.sent.at(-1)).toMatch(/^list/);
  expect(records.all()).toEqual([]);
});

test('GC leaves the hint of an ADD that begins while it looks', async () => {
  const records = newRecords();
  const begun = alive(record('a', 'one', '10.0.0.2'));
  const [port] = portsOf(begun.publications);
  const read = records.all.bind(records);
  records.all = () => {
    const before = read();
    records.write(begun);
    records.hints.addAddresses(begun.owner, [{ ...port!, hostIp: '192.0.2.1' }]);
    return before;
  };
  records.removeStrayHints();
  expect(records.hints.mayBeOnAddress([port!])).toBe(true);
});

test('GC leaves the note that an interface is guarded', () => {
  const records = newRecords();
  records.hints.localnet.add('br0', 'guarded');
  records.hints.localnet.add('br0', 'd'.repeat(24));
  records.removeStrayHints();
  expect(records.hints.localnet.of('br0')).toEqual(['guarded']);
});

test('GC forgets hints that nothing stands behind', async () => {
  const records = newRecords();
  records.hints.chains.add('masq4_10.0.0.0_24', 'd'.repeat(24));
  await collect(fakeNft(), records, { networkHash: 'a'.repeat(12) }, new Set());
  expect(records.hints.chains.things()).toEqual([]);
  expect(existsSync(records.stateDir)).toBe(false);
});
