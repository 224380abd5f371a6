import { expect, test } from 'vitest';
import { publish, type PublishRecord } from '../../../src/nft/hostport/index.ts';
import { alive, fakeNft, newRecords, record } from './fixture.ts';

type Command = Readonly<
  Record<string, { readonly element?: { readonly name: string; readonly elem: readonly unknown[] } }>
>;

/** Keys that a transaction names with `verb` in the map `name`, as text. */
const keys = (sent: string | undefined, verb: string, name: string): readonly string[] => {
  const { nftables } = JSON.parse(sent!.slice('-j '.length)) as { nftables: readonly Command[] };
  return nftables.flatMap((command) => {
    const element = command[verb]?.element;
    if (element?.name !== name) return [];
    return element.elem.map((item) => {
      const key = Array.isArray(item) ? (item[0] as { elem: { val: unknown } }).elem.val : item;
      return typeof key === 'string' ? key : (key as { concat: readonly unknown[] }).concat.join(' ');
    });
  });
};

const onAddresses = (...hostIps: readonly string[]): PublishRecord => {
  const { publications, ...rest } = alive(record('a', 'web', '10.0.0.2'));
  return { ...rest, publications: hostIps.map((hostIp) => ({ ...publications[0]!, hostIp, count: 1 })) };
};

test('one port on two host addresses is asserted to be free on all addresses once', async () => {
  const nft = fakeNft();
  await publish(nft.run, newRecords(), onAddresses('127.0.0.1', '192.0.2.1'));
  expect(keys(nft.sent[0], 'create', 'address4')).toEqual(['127.0.0.1 tcp 8080', '192.0.2.1 tcp 8080']);
  expect(keys(nft.sent[0], 'create', 'any4')).toEqual(['tcp 8080']);
  expect(keys(nft.sent[0], 'delete', 'any4')).toEqual(['tcp 8080']);
});
