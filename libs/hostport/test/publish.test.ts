import { elementsOf, type NftObject } from '@flatnet/kernel';
import { expect, test } from 'vitest';
import { portsOf, publish, type PublishRecord, withdraw } from '../src/index.ts';
import { alive, fakeNft, heldBy, newRecords, record } from './fixture.ts';

type Command = Readonly<
  Record<string, { readonly element?: { readonly name: string; readonly elem: readonly unknown[] } }>
>;

/** Keys that a transaction names with `verb` in the map `name`, as text. */
const keys = (sent: string | undefined, verb: string, name: string): readonly string[] => {
  const commands = JSON.parse(sent!) as readonly Command[];
  return commands.flatMap((command) => {
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
  await publish(nft, newRecords(), onAddresses('127.0.0.1', '192.0.2.1'));
  expect(keys(nft.sent[0], 'create', 'address4')).toEqual(['127.0.0.1 tcp 8080', '192.0.2.1 tcp 8080']);
  expect(keys(nft.sent[0], 'create', 'any4')).toEqual(['tcp 8080']);
  expect(keys(nft.sent[0], 'delete', 'any4')).toEqual(['tcp 8080']);
});

test('a repeated ADD asserts again that nobody has the port on all addresses: the kernel may have lost what the record has', async () => {
  const [nft, records] = [fakeNft(), newRecords()];
  const wanted = onAddresses('192.0.2.1');
  await publish(nft, records, wanted);
  await publish(nft, records, wanted);
  expect(keys(nft.sent[1], 'create', 'any4')).toEqual(['tcp 8080']);
  expect(keys(nft.sent[1], 'add', 'address4')).toEqual(['192.0.2.1 tcp 8080']);

  const stranger = alive(record('b', 'other', '10.0.0.3'));
  records.write(stranger);
  const refusing = fakeNft('Error: File exists', heldBy(stranger, 8080));
  await expect(publish(refusing, records, wanted)).rejects.toThrow('held by other');
  expect(records.read(wanted.owner)).toEqual(wanted);
});

test('after an ADD that was killed, one that wants less releases the rest once', async () => {
  const [nft, records] = [fakeNft(), newRecords()];
  const both = alive(record('a', 'web', '10.0.0.2'));
  const [first, second] = portsOf(both.publications).map((port) => ({ ...port, count: 1 }));
  await publish(nft, records, { ...both, publications: [first!] });
  const killed = fakeNft('Error: Operation not permitted');
  await expect(publish(killed, records, both)).rejects.toThrow('not permitted');
  expect(records.read(both.owner)).toEqual(both);
  await publish(nft, records, { ...both, publications: [second!] });
  expect(keys(nft.sent[1], 'delete', 'any4')).toEqual(['tcp 8080']);
});

test('of a port with two targets in the record, what the kernel has goes once the record has misled', async () => {
  const [records, both] = [newRecords(), alive(record('a', 'web', '10.0.0.2'))];
  const [first, second] = portsOf(both.publications).map((port) => ({ ...port, count: 1 }));
  records.write({ ...both, publications: [first!, { ...first!, port: 443 }] });
  const nft = fakeNft('Error: File exists', heldBy(both, 8080));
  await publish(nft, records, { ...both, publications: [second!] });
  expect(keys(nft.sent[2], 'delete', 'any4')).toEqual(['tcp 8080']);
  expect(keys(nft.sent[2], 'create', 'any4')).toEqual(['tcp 8081']);
});

test('a record that names what a flush took is a hint: the publication is made from the kernel list', async () => {
  const [records, old] = [newRecords(), alive(record('a', 'web', '10.0.0.2'))];
  records.write(old);
  const missing = 'Error: Could not process rule: No such file or directory';
  // The base is built, and the chain of the former subnet is still not there.
  const nft = fakeNft(missing, '', missing);
  const wanted = { ...old, hairpins: [{ family: 4 as const, address: '10.0.0.2', from: '10.0.0.0/29' }] };
  await publish(nft, records, wanted);
  const [last] = nft.sent.filter((words) => words.includes('"create":{"element"')).slice(-1);
  expect(last).toContain('masq4_10.0.0.0_29');
  expect(last).not.toContain('masq4_10.0.0.0_24');
  expect(records.read(old.owner)).toEqual(wanted);
});

const compared = (sent: string | undefined): readonly unknown[] =>
  (JSON.parse(sent!) as readonly Command[]).flatMap(({ add }) =>
    add?.element?.name === 'any4' ? add.element.elem : [],
  );

test('a port of a dead container is taken over by value: another ADD that was faster keeps it', async () => {
  const [records, dead] = [newRecords(), { ...record('a', 'gone', '10.0.0.2'), netnsId: '1:1' }];
  const faster = alive(record('c', 'faster', '10.0.0.3'));
  records.write(dead);
  records.write(faster);
  const clash = 'Error: Could not process rule: File exists';
  const nft = fakeNft('Error: File exists', heldBy(dead, 8080), clash, heldBy(faster, 8080));
  await expect(publish(nft, records, alive(record('b', 'slower', '10.0.0.4')))).rejects.toThrow('held by faster');
  // The listed value goes first: the kernel refuses the transaction when the key has another by then.
  expect(compared(nft.sent[2])).toContainEqual([{ concat: ['tcp', 8080] }, { concat: ['10.0.0.2', 80] }]);
});

test('a DEL without a record removes what the kernel has of the attachment, and nothing else', async () => {
  const [records, own, other] = [newRecords(), record('a', 'web', ''), record('b', 'other', '')];
  const elem = [...heldBy(own, 8080), ...heldBy(other, 9090)].flatMap((object) => elementsOf([object], 'any4'));
  const nft = fakeNft([{ map: { name: 'any4', elem } }]);
  await withdraw(nft, records, own.owner);
  expect(keys(nft.sent[1], 'delete', 'any4')).toEqual(['tcp 8080']);
});

const masquerade = ({ owner }: PublishRecord, address: string): readonly NftObject[] => {
  const comment = `flatnet ${owner.networkHash} ${owner.hash}`;
  const element = [{ elem: { val: address, comment } }, { goto: { target: 'masq4_10.0.0.0_24' } }];
  return [{ map: { name: 'hairpin4', elem: [element] } }];
};

test('the masquerade of an address that a container before it had is claimed, not shared with that one', async () => {
  const records = newRecords();
  const former = alive(record('a', 'one', '10.0.0.2'));
  records.write(former);
  const { publications, ...rest } = alive(record('b', 'two', '10.0.0.2'));
  const next = {
    ...rest,
    owner: { ...rest.owner, network: former.owner.network },
    publications: [{ ...publications[0]!, hostPort: 9090 }],
  };
  const nft = fakeNft('Error: File exists', masquerade(former, '10.0.0.2'));
  expect(await publish(nft, records, next)).toEqual({ replaced: [former], isBaseBuilt: false });
  expect(keys(nft.sent[0], 'create', 'hairpin4')).toEqual(['10.0.0.2']);
  expect(keys(nft.sent[2], 'delete', 'hairpin4')).toEqual(['10.0.0.2']);
  expect(records.read(former.owner)).toBeUndefined();
});

test('two networks with overlapping subnets do not refuse each other because of one address', async () => {
  const records = newRecords();
  const other = alive(record('a', 'one', '10.0.0.2'));
  records.write(other);
  const wanted = alive(record('b', 'two', '10.0.0.2'));
  const nft = fakeNft('Error: File exists', masquerade(other, '10.0.0.2'));
  expect(await publish(nft, records, wanted)).toEqual({ replaced: [], isBaseBuilt: false });
  expect(nft.sent).toHaveLength(3);
  expect(records.read(other.owner)).toEqual(other);
});
