import type { Run } from '@flatnet/exec';
import { expect, test } from 'vitest';
import { publishOrWait, withdraw } from '../src/index.ts';
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
  await publishOrWait(nft.run, records, own);
  const last = nft.sent.at(-1)!;
  expect(last).toMatch(/"add":\{"element".*8080.*10\.0\.0\.3/);
  expect(nft.sent.some((words) => isOf(words, '10.0.0.4'))).toBe(false);
  expect(records.read(other.owner)).toEqual(other);
});

test('a table that is whole is left as it is', async () => {
  const records = newRecords();
  records.write(other);
  const nft = fakeNft();
  await publishOrWait(nft.run, records, own);
  expect(nft.sent.some((words) => isOf(words, '10.0.0.3'))).toBe(false);
});

test('what the kernel refuses to give back fails no ADD', async () => {
  const records = newRecords();
  records.write(other);
  const nft = fakeNft(GONE, '', '', '', '', '', 'Error: File exists');
  await publishOrWait(nft.run, records, own);
  expect(nft.sent).toHaveLength(7);
});

test.each(['before', 'after'])('the DEL of one that comes %s it is given back leaves nothing', async (moment) => {
  const records = newRecords();
  records.write(other);
  const ours = fakeNft(GONE);
  const theirs = fakeNft(GONE);
  const del = () => withdraw(theirs.run, records, other.owner);
  const run: Run = async (...call) => {
    const isGivenBack = /"add":\{"element".*10\.0\.0\.3/.test(call[1].join(' '));
    if (isGivenBack && moment === 'before') await del();
    const answer = await ours.run(...call);
    if (isGivenBack && moment === 'after') await del();
    return answer;
  };
  await publishOrWait(run, records, own);
  expect(records.read(other.owner)).toBeUndefined();
  // One of both released it after it was there.
  const last = moment === 'before' ? ours.sent : theirs.sent;
  if (moment === 'before') expect(last.at(-1)).toMatch(/"delete":\{"element".*8080/);
  else expect(last.filter((words) => words.includes('list table')).length).toBeGreaterThanOrEqual(2);
});
