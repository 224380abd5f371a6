// What the kernel has after each step, in two network namespaces.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, differences, endsOf, limit, type Limits, refuseForeign, reload, unlimit } from '../src/index.ts';
import { type Lab, openLab, ownerNamed, recordOf } from '../src/testing/lab.ts';

let lab: Lab;
beforeEach(() => {
  lab = openLab();
});
afterEach(() => lab.close());

const BOTH: Limits = { down: { rate: 10e6 }, up: { rate: 2e6 } };
const IFB = 'flq111111111111';

const ends = () => endsOf(lab.wire, lab.netns, 'eth0', ['h0']);
const add = (limits: Limits) => limit(lab.wire, lab.records, recordOf(lab, limits), ends());
const check = (limits: Limits) => differences(lab.wire, ownerNamed('web'), ends(), limits);
const remove = () => unlimit(lab.wire, lab.records, ownerNamed('web'));
const root = (dev: string): Record<string, unknown> =>
  lab.json(`tc -j qdisc show dev ${dev}`).find((qdisc) => qdisc['root'] === true) ?? {};
const ruleset = () => lab.run('nft list ruleset');
const links = () => lab.json('ip -j link').map(({ ifname }) => ifname);

/** Nothing of ours is left. */
const expectNothing = () => {
  expect(links().sort()).toEqual(['h0', 'lo']);
  expect(root('h0')['kind']).toBe('noqueue');
  expect(ruleset()).toBe('');
  expect(lab.run('ip -j link show dev h0')).not.toContain('altnames');
  expect(lab.records.all()).toEqual([]);
};

describe('limits', () => {
  it('ADD sets both directions, once or twice; DEL takes all away, once or twice', () => {
    for (let times = 0; times < 2; times += 1) {
      expect(add(BOTH)).toMatchObject({ redirection: 'nft', ifb: { name: IFB } });
      expect(root('h0')).toMatchObject({ kind: 'tbf', options: { rate: 1_250_000 } });
      expect(root(IFB)).toMatchObject({ kind: 'tbf', options: { rate: 250_000 } });
      expect(ruleset()).toContain(`fwd to "${IFB}"`);
      expect(check(BOTH)).toEqual([]);
    }
    for (let times = 0; times < 2; times += 1) {
      remove();
      expectNothing();
    }
  });

  it.each<[string, Limits, Limits]>([
    ['another rate', BOTH, { down: { rate: 20e6 }, up: { rate: 4e6 } }],
    ['one direction', BOTH, { down: { rate: 20e6 } }],
    ['the other direction', BOTH, { up: { rate: 20e6 } }],
    ['subnets that pass', BOTH, { ...BOTH, exemption: { mode: 'unshaped', subnets: ['10.0.0.0/8', 'fd00::/8'] } }],
    ['subnets alone', BOTH, { ...BOTH, exemption: { mode: 'shaped', subnets: ['0.0.0.0/0'] } }],
    ['no subnets', { ...BOTH, exemption: { mode: 'shaped', subnets: ['10.0.0.0/8'] } }, BOTH],
  ])('a second ADD changes to %s, as a first one would have made it', (_what, before, after) => {
    add(after);
    const state = () =>
      ['h0', IFB].map((dev) => (links().includes(dev) ? lab.run(`tc -d qdisc show dev ${dev}`) : '')).join('') +
      lab.run('tc filter show dev h0').replace(/fh \w+|ht \w+/g, '') +
      ruleset();
    const wanted = state();
    remove();
    add(before);
    add(after);
    expect(state()).toBe(wanted);
    expect(check(after)).toEqual([]);
    expect(check(before)).not.toEqual([]);
    add({});
    expectNothing();
  });

  it('an interface of the same name in a new namespace gets the limits of its own', () => {
    add(BOTH);
    lab.run('ip link delete h0');
    lab.addContainer();
    expect(check(BOTH)).not.toEqual([]);
    add(BOTH);
    expect(check(BOTH)).toEqual([]);
    remove();
    expectNothing();
  });

  it('DEL finds all without a record and without the container', () => {
    add(BOTH);
    lab.records.remove(ownerNamed('web'));
    remove();
    expectNothing();
    add(BOTH);
    lab.run('ip link delete h0');
    remove();
    expect(links()).toEqual(['lo']);
    expect(ruleset()).toBe('');
  });

  it("another program's queue is refused with its kind, and stays at DEL", () => {
    lab.run('tc qdisc add dev h0 root handle 9: htb');
    expect(() => refuseForeign(lab.wire, ends(), BOTH)).toThrow('h0 has a queue htb 9:');
    remove();
    expect(root('h0')['kind']).toBe('htb');
  });

  it('GC ends what is not valid, by what the kernel has and by records', () => {
    add(BOTH);
    limit(lab.wire, lab.records, recordOf(lab, BOTH, ownerNamed('old', '2')), ends());
    lab.records.remove(ownerNamed('old', '2'));
    expect(collect(lab.wire, lab.records, 'b'.repeat(12), new Set())).toBe(0);
    expect(collect(lab.wire, lab.records, 'a'.repeat(12), new Set(['1'.repeat(24)]))).toBe(1);
    expect(links()).toContain(IFB);
    expect(collect(lab.wire, lab.records, 'a'.repeat(12), new Set())).toBe(1);
    expectNothing();
  });

  it('what a flush took away is set again', () => {
    const limits: Limits = { ...BOTH, exemption: { mode: 'unshaped', subnets: ['10.0.0.0/8'] } };
    add(limits);
    const before = ruleset();
    lab.run('nft flush ruleset');
    lab.run(`tc qdisc delete dev ${IFB} root`);
    expect(check(limits)).toHaveLength(2);
    expect(reload(lab.wire, lab.records)).toEqual([{ owner: ownerNamed('web') }]);
    expect(ruleset()).toBe(before);
    expect(check(limits)).toEqual([]);
  });
});

describe('CHECK notices', () => {
  it.each([
    ['a queue that is gone', 'tc qdisc delete dev h0 root'],
    ['a queue that is another', 'tc qdisc replace dev h0 root handle f1a7: tbf rate 11mbit burst 6250 limit 37500'],
    ['an ifb that is gone', `ip link delete ${IFB}`],
    ['an ifb that is down', `ip link set ${IFB} down`],
    ['an ifb without its queue', `tc qdisc delete dev ${IFB} root`],
    ['a redirection that is gone', 'nft delete table netdev flatnet_shape'],
    ['a redirection without its rule', `nft flush chain netdev flatnet_shape s_${'a'.repeat(12)}_${'1'.repeat(24)}`],
  ])('%s', (_what, line) => {
    add(BOTH);
    lab.run(line);
    expect(check(BOTH)).toHaveLength(1);
    add(BOTH);
    expect(check(BOTH)).toEqual([]);
  });
});
