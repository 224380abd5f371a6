import type { Nft } from '@flatnet/kernel';
import { expect, test } from 'vitest';
import { publishOrWait, withdraw } from '../src/index.ts';
import { FakeNft } from '@flatnet/kernel/testing';
import { alive, fakeNft, newRecords, record } from './fixture.ts';

const GONE = 'Error: No such file or directory';
const [own, other, dead] = [
  alive({ ...record('a', 'one', '10.0.0.2'), publications: [] }),
  alive(record('b', 'two', '10.0.0.3')),
  record('c', 'three', '10.0.0.4'),
];
const isOf = (words: string, address: string): boolean => words.includes(`"${address}"`);

test('an ADD that finds the table gone gives back what living attachments had, and nothing of dead ones', async () => {
  const records = newRecords();
  for (const each of [other, dead]) records.write(each);
  const nft = fakeNft(GONE);
  await publishOrWait(nft, records, own);
  const last = nft.sent.at(-1)!;
  expect(last).toMatch(/"add":\{"element".*8080.*10\.0\.0\.3/);
  expect(nft.sent.some((words) => isOf(words, '10.0.0.4'))).toBe(false);
  expect(records.read(other.owner)).toEqual(other);
});

test('a table that is whole is left as it is', async () => {
  const records = newRecords();
  records.write(other);
  const nft = fakeNft();
  await publishOrWait(nft, records, own);
  expect(nft.sent.some((words) => isOf(words, '10.0.0.3'))).toBe(false);
});

test('rules that were flushed under elements that stayed are made again', async () => {
  const [nft, records] = [new FakeNft(), newRecords()];
  await publishOrWait(nft, records, alive(record('a', 'one', '10.0.0.2')));
  const [table, whole] = [{ family: 'inet', table: 'flatnet_hostport' } as const, nft.contents];
  await nft.apply([{ flush: { chain: { ...table, name: 'prerouting' } } }]);
  expect(nft.contents).not.toEqual(whole);
  const { publications, ...rest } = alive(record('b', 'two', '10.0.0.3'));
  const second = { ...rest, publications: publications.map((each) => ({ ...each, hostPort: 9080 })) };
  await publishOrWait(nft, records, second);
  await withdraw(nft, records, second.owner);
  expect(nft.contents).toEqual(whole);
});

test('what the kernel refuses to give back fails no ADD', async () => {
  const records = newRecords();
  records.write(other);
  const nft = fakeNft(GONE, '', '', '', 'Error: File exists');
  await publishOrWait(nft, records, own);
  expect(nft.sent).toHaveLength(5);
});

test.each(['before', 'after'])('the DEL of one that comes %s it is given back leaves nothing', async (moment) => {
  const records = newRecords();
  records.write(other);
  const ours = fakeNft(GONE);
  const theirs = fakeNft(GONE);
  const del = () => withdraw(theirs, records, other.owner);
  const apply: Nft['apply'] = async (commands) => {
    const isGivenBack = /"add":\{"element".*10\.0\.0\.3/.test(JSON.stringify(commands));
    if (isGivenBack && moment === 'before') await del();
    await ours.apply(commands);
    if (isGivenBack && moment === 'after') await del();
  };
  await publishOrWait({ ...ours, apply }, records, own);
  expect(records.read(other.owner)).toBeUndefined();
  // One of both released it after it was there.
  const last = moment === 'before' ? ours.sent : theirs.sent;
  if (moment === 'before') expect(last.at(-1)).toMatch(/"delete":\{"element".*8080/);
  else expect(last.filter((words) => words.startsWith('list')).length).toBeGreaterThanOrEqual(2);
});
