/** Against the kernel, in a private network namespace: what it refuses and what it counts is the design. */
import { openSandbox, type Sandbox } from '@flatnet/testing';
import { nftIn } from '@flatnet/kernel/testing-netns';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import {
  differencesOf,
  ensureRules,
  listTables,
  removeListed,
  removeRules,
  type AttachmentRules,
} from '../src/index.ts';

// Each asks the kernel many times, and machines that test stand still at times.
vi.setConfig({ testTimeout: 120_000 });

let sandbox: Sandbox;
let tables: ReturnType<typeof nftIn>;
let transactions = 0;
beforeAll(async () => {
  sandbox = await openSandbox();
  const inside = nftIn(sandbox.netns, sandbox.run);
  tables = {
    ...inside,
    apply(commands, options) {
      transactions += 1;
      return inside.apply(commands, options);
    },
  };
}, 60_000);
afterEach(async () => {
  const left = await ruleset();
  await nft('flush', 'ruleset');
  expect(left).toBe('');
}, 30_000);
afterAll(async () => {
  tables?.close();
  await sandbox?.close();
});

const ruleset = async (): Promise<string> => (await sandbox.must('nft', ['list', 'ruleset'])).trim();
const nft = (...words: string[]): Promise<string> => sandbox.must('nft', words);
const alive = { isAlive: () => true };
const dead = { isAlive: () => false };

const NETWORK = 'aaaaaaaaaaaa';
const owner = (n: number, networkHash = NETWORK) => ({
  ...{ maker: 'flatnet' as const, networkHash, attachment: `${n}`.padStart(12, '0') },
});
const full = (n: number): AttachmentRules => ({
  owner: owner(n),
  masquerade: { addresses: [`10.1.0.${n}`, `fd00::${n}`], subnets: ['10.1.0.0/24', 'fd00::/64'] },
  clamped: [`10.1.0.${n}`, `fd00::${n}`],
  antiSpoof: { mac: `02:00:00:00:00:0${n}`, addresses: [`10.1.0.${n}`, `fd00::${n}`] },
  device: 'br0',
});
const check = async (rules: AttachmentRules) => differencesOf(rules, await listTables(tables));
const WHOLE = { missing: [], surplus: [] };
const expected = { antiSpoof: true, clamped: true };
const addressesOf = (n: number): string[] => [`10.1.0.${n}`, `fd00::${n}`];
const sent = async (work: () => Promise<unknown>): Promise<number> => {
  const before = transactions;
  await work();
  return transactions - before;
};

it('makes what CHECK agrees with, one transaction per table, and the last one takes the tables along', async () => {
  const masqueraded: AttachmentRules = { owner: owner(1), masquerade: full(1).masquerade! };
  expect(await sent(() => ensureRules(tables, masqueraded, { ...alive, isFirst: true }))).toBe(1);
  expect(
    await sent(() => ensureRules(tables, { ...masqueraded, owner: owner(2), masquerade: full(2).masquerade! }, alive)),
  ).toBe(1);
  const guarded = (({ clamped: _clamped, ...rest }) => rest)(full(3));
  await ensureRules(tables, guarded, alive);
  expect(
    await sent(() =>
      ensureRules(tables, { ...guarded, ...{ owner: owner(4), masquerade: full(4).masquerade! } }, alive),
    ),
  ).toBe(2);
  expect(await check(guarded)).toEqual(WHOLE);
  const hints = { addresses: addressesOf(4), expected: { antiSpoof: true, clamped: false } };
  expect(await sent(() => removeRules(tables, owner(4), hints))).toBe(1);
  expect(await sent(() => removeRules(tables, owner(3), { ...hints, addresses: addressesOf(3) }))).toBe(1);
  const plain = { antiSpoof: false, clamped: false };
  expect(await sent(() => removeRules(tables, owner(2), { addresses: addressesOf(2), expected: plain }))).toBe(1);
  expect(await check(masqueraded)).toEqual(WHOLE);
  await removeRules(tables, owner(1), { isLast: true });
});

it.each([
  ['knows nothing', {}],
  ['thinks that there is nothing', { expected: 'nothing' as const }],
  ['thinks of other rules and addresses', { addresses: ['10.9.9.9'], expected: { antiSpoof: false, clamped: false } }],
  ['thinks of more than there is', { addresses: [...addressesOf(1), 'fd00::77'], expected }],
])('DEL that %s removes everything of its attachment and nothing else', async (_, hints) => {
  await ensureRules(tables, full(1), alive);
  await ensureRules(tables, full(2), alive);
  await removeRules(tables, owner(1), hints);
  expect(await ruleset()).not.toMatch(/000000000001|10\.1\.0\.1\b|fd00::1\b/);
  expect(await check(full(2))).toEqual(WHOLE);
  await removeRules(tables, owner(2), hints);
  await removeRules(tables, owner(2), hints);
});

it('DEL removes everything, whatever ADD was asked for and whatever the configuration asks for now', async () => {
  const anything = (n: number, asked: number): AttachmentRules => {
    const { owner: of, device, masquerade, clamped, antiSpoof } = full(n) as Required<AttachmentRules>;
    const [first, second, third] = [asked & 1, asked & 2, asked & 4];
    return { owner: of, device, ...(first && { masquerade }), ...(second && { clamped }), ...(third && { antiSpoof }) };
  };
  const expectations = [0, 1, 2, 3].map((asked) => ({ clamped: (asked & 1) > 0, antiSpoof: (asked & 2) > 0 }));
  await ensureRules(tables, full(2), alive);
  for (const asked of [1, 2, 3, 4, 5, 6, 7]) {
    for (const now of ['nothing' as const, ...expectations]) {
      await ensureRules(tables, anything(1, asked), alive);
      await removeRules(tables, owner(1), { addresses: addressesOf(1), expected: now });
      expect(await ruleset(), `${asked} ${JSON.stringify(now)}`).not.toMatch(/000000000001|10\.1\.0\.1\b|fd00::1\b/);
    }
  }
  expect(await check(full(2))).toEqual(WHOLE);
  await removeRules(tables, owner(2), { isLast: true });
});

it('ADD over what an earlier life left has just the new rules', async () => {
  await ensureRules(tables, full(2), alive);
  await ensureRules(tables, full(1), alive);
  const changed: AttachmentRules = {
    owner: owner(1),
    masquerade: { addresses: ['10.1.0.9'], subnets: ['10.1.0.0/24'], snat4: '192.0.2.9' },
  };
  await ensureRules(tables, changed, alive);
  expect(await check(changed)).toEqual(WHOLE);
  const unguarded = (({ antiSpoof: _antiSpoof, ...rest }) => rest)(full(1));
  await ensureRules(tables, unguarded, alive);
  expect(await check(unguarded)).toEqual(WHOLE);
  await ensureRules(tables, { owner: owner(1) }, alive);
  expect(await check({ owner: owner(1) })).toEqual(WHOLE);
  expect(await check(full(2))).toEqual(WHOLE);
  await removeRules(tables, owner(2));
});

it.each([
  ['flush ruleset', 'flush ruleset'],
  ['flush table inet', 'flush table inet flatnet'],
  ['flush table bridge', 'flush table bridge flatnet'],
  ['flush chain postrouting', 'flush chain inet flatnet postrouting'],
  ['flush chain forward', 'flush chain inet flatnet forward'],
  ['flush chain prerouting', 'flush chain bridge flatnet prerouting'],
  ['delete chain', 'delete chain inet flatnet postrouting'],
  ['delete table', 'delete table bridge flatnet'],
])(
  'CHECK sees %s; the next ADD mends the base, and an ADD of the same attachment its own rules',
  async (_, command) => {
    await ensureRules(tables, full(1), alive);
    await nft(...(command.startsWith('delete chain') ? ['flush chain inet flatnet postrouting;', command] : [command]));
    expect((await check(full(1))).missing).not.toEqual([]);
    await ensureRules(tables, full(2), alive);
    expect(await check(full(2))).toEqual(WHOLE);
    await ensureRules(tables, full(1), alive);
    for (const n of [1, 2]) expect(await check(full(n))).toEqual(WHOLE);
    await removeListed(tables, () => true);
  },
);

it('takes an address from a dead attachment, and leaves that of a living one to it', async () => {
  await ensureRules(tables, full(1), alive);
  const sameAddress: AttachmentRules = { ...full(1), owner: owner(2, 'bbbbbbbbbbbb') };
  await ensureRules(tables, sameAddress, alive);
  expect(await check(full(1))).toEqual(WHOLE);
  expect(await nft('list', 'map', 'inet', 'flatnet', 'source_by_device4')).toContain('"br0" . 10.1.0.1');
  await removeRules(tables, sameAddress.owner, { addresses: addressesOf(1), expected });
  expect(await check(full(1))).toEqual(WHOLE);
  await ensureRules(tables, sameAddress, dead);
  expect(await check(sameAddress)).toEqual(WHOLE);
  await removeListed(tables, ({ networkHash }) => networkHash === NETWORK);
  expect(await check(sameAddress)).toEqual(WHOLE);
  await removeRules(tables, sameAddress.owner);
});

it('keeps a table with a rule or chain of the operator', async () => {
  for (const [add, take] of [
    ['add rule inet flatnet postrouting counter', 'delete table inet flatnet'],
    ['add chain inet flatnet mine', 'delete table inet flatnet'],
    ['add set bridge flatnet mine { type ifname; }', 'delete table bridge flatnet'],
  ] as const) {
    await ensureRules(tables, full(1), alive);
    await nft(add);
    await removeRules(tables, owner(1), { isLast: true });
    expect(await ruleset()).toContain(add.includes('counter') ? 'counter' : 'mine');
    expect(await ruleset()).not.toContain('000000000001');
    await nft(take);
  }
});

it('two that come and go at once never lose a rule of each other, nor leave a table', async () => {
  for (let round = 0; round < 5; round += 1) {
    await Promise.all([1, 2, 3].map((n) => ensureRules(tables, full(n), { ...alive, isFirst: true })));
    for (const n of [1, 2, 3]) expect(await check(full(n))).toEqual(WHOLE);
    await Promise.all([
      ensureRules(tables, full(4), alive),
      ...[1, 2].map((n) => removeRules(tables, owner(n), { addresses: addressesOf(n), expected })),
      removeRules(tables, owner(3), { isLast: true }),
    ]);
    expect(await check(full(4))).toEqual(WHOLE);
    await removeRules(tables, owner(4), { isLast: true });
    expect(await ruleset()).toBe('');
  }
}, 60_000);

it('rules of version 0.1.0 go with the last attachment that has none of its own', async () => {
  await nft(
    [
      'add table inet flatnet',
      `add map inet flatnet net_${NETWORK} { type mark : mark; }`,
      `add chain inet flatnet net_${NETWORK} { type nat hook postrouting priority 100; }`,
      `add rule inet flatnet net_${NETWORK} ip saddr 10.1.0.0/24 ip daddr != 10.1.0.0/24 masquerade`,
      'add table bridge flatnet',
      'add chain bridge flatnet guard { type filter hook prerouting priority -300; }',
      'add map bridge flatnet ports { type ifname : verdict; }',
      'add rule bridge flatnet guard iifname vmap @ports',
      `add chain bridge flatnet port_${NETWORK}_000000000001`,
      `add rule bridge flatnet port_${NETWORK}_000000000001 ether saddr != 02:00:00:00:00:01 drop`,
      `add element bridge flatnet ports { fl000000000001 : jump port_${NETWORK}_000000000001 }`,
    ].join('; '),
  );
  const old: AttachmentRules = {
    owner: owner(1),
    masquerade: { addresses: ['10.1.0.1'], subnets: ['10.1.0.0/24'] },
    antiSpoof: { mac: '02:00:00:00:00:01' },
  };
  expect(await check(old)).toEqual(WHOLE);
  await ensureRules(tables, full(2), alive);
  expect(await check(full(2))).toEqual(WHOLE);
  const hostEnds = async () => [1, 2].map((n) => owner(n).attachment);
  await removeRules(tables, owner(2), { hostEnds, expected, addresses: addressesOf(2) });
  expect(await check(old)).toEqual(WHOLE);
  const last = async () => [owner(1).attachment];
  await removeRules(tables, owner(1), { hostEnds: last, expected: { antiSpoof: true, clamped: false } });
});
