// A kernel that lacks parts, by injected answers: which way limits go then, what is told, and that nothing is left.
import { EPERM } from '@flatnet/sys';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { differences, endsOf, limit, type Limits, missingParts, type Part, unlimit } from '../src/index.ts';
import { ABSENT, lacking, refusing } from '../src/testing.ts';
import { type Lab, openLab, ownerNamed, recordOf } from '../src/testing/lab.ts';

let lab: Lab;
beforeEach(() => {
  lab = openLab();
});
afterEach(() => lab.close());

const BOTH: Limits = { down: { rate: 10e6 }, up: { rate: 2e6 } };
const SUBNETS: Limits = { ...BOTH, exemption: { mode: 'unshaped', subnets: ['10.0.0.0/8', 'fd00::/8'] } };
const IFB = 'flq111111111111';
type Name = keyof typeof ABSENT;

const without = (...names: readonly Name[]) => lacking(lab.wire, ...names.map((name) => ABSENT[name]));
const ends = () => endsOf(lab.wire, lab.netns, 'eth0', ['h0']);
const add = (limits: Limits, wire = lab.wire) => limit(wire, lab.records, recordOf(lab, limits), ends());
const remove = () => unlimit(lab.wire, lab.records, ownerNamed('web'));
const check = (limits: Limits) =>
  differences(lab.wire, ownerNamed('web'), ends(), limits, lab.records.read(ownerNamed('web'))?.redirection);
const inside = () => lab.run(`nsenter --net=${lab.netns} tc qdisc show dev eth0`);
const filters = () => lab.run('tc filter show dev h0 parent ffff:');
const ruleset = () => lab.run('nft list ruleset');

const expectNothing = () => {
  expect(lab.json('ip -j link').map(({ ifname }) => ifname)).toEqual(expect.arrayContaining(['lo', 'h0']));
  expect(lab.json('ip -j link')).toHaveLength(2);
  expect(lab.run('tc qdisc show dev h0')).toBe('qdisc noqueue 0: root refcnt 2 \n');
  expect(inside()).not.toContain('f1a');
  expect([ruleset(), lab.records.all()]).toEqual(['', []]);
};

/** Of a kernel that has them in truth: the machine of a test may lack fq_codel. */
const told = (lacks: readonly Part[]) => lacks.filter((part) => part !== 'fq_codel');

describe('the next way is taken, in the order of the specification', () => {
  it.each<[string, readonly Name[], 'nft' | 'u32' | 'container', readonly Part[]]>([
    ['all', [], 'nft', []],
    ['no fq_codel', ['fq_codel'], 'nft', []],
    ['no nft_fwd_netdev', ['nft_fwd_netdev'], 'u32', ['nft_fwd_netdev']],
    ['no nf_tables', ['nf_tables_netdev'], 'u32', ['nft_fwd_netdev']],
    ['no u32 either', ['nft_fwd_netdev', 'cls_u32'], 'container', ['nft_fwd_netdev', 'cls_u32']],
    ['no mirred either', ['nft_fwd_netdev', 'act_mirred'], 'container', ['nft_fwd_netdev', 'act_mirred']],
    ['no hook either', ['nf_tables_netdev', 'sch_ingress'], 'container', ['nft_fwd_netdev', 'sch_ingress']],
    ['no ifb', ['ifb'], 'container', ['ifb']],
  ])('%s', (_what, names, redirection, lacks) => {
    for (let times = 0; times < 2; times += 1) {
      const shaped = add(BOTH, without(...names));
      expect(shaped).toMatchObject({ redirection });
      expect(told(shaped.lacks)).toEqual(lacks);
      if (names.includes('fq_codel')) expect(shaped.lacks).toEqual(['fq_codel']);
      expect(shaped.ifb?.name).toBe(redirection === 'container' ? undefined : IFB);
      expect(filters().includes(`Egress Redirect to device ${IFB}`)).toBe(redirection === 'u32');
      expect(ruleset().includes(`fwd to "${IFB}"`)).toBe(redirection === 'nft');
      expect(inside().includes('tbf f1a7: root')).toBe(redirection === 'container');
      expect(check(BOTH)).toEqual([]);
    }
    remove();
    expectNothing();
  });

  it('subnets pass freely by u32 filters', () => {
    expect(add(SUBNETS, without('nft_fwd_netdev'))).toMatchObject({ redirection: 'u32' });
    expect(filters()).toContain('0a000000/ff000000');
    remove();
    expectNothing();
  });

  it.each<[string, readonly Name[], 'u32' | 'container']>([
    ['nft_fwd_netdev', ['nft_fwd_netdev'], 'u32'],
    ['ifb', ['ifb'], 'container'],
  ])('a kernel that gets its %s limits once after the next ADD', (_what, names, before) => {
    expect(add(BOTH, without(...names))).toMatchObject({ redirection: before });
    expect(add(BOTH)).toMatchObject({ redirection: 'nft' });
    expect([filters(), inside().includes('f1a7')]).toEqual(['', false]);
    expect(check(BOTH)).toEqual([]);
    remove();
    expectNothing();
  });

  it("a hook of another program's serves, and stays", () => {
    lab.run('tc qdisc add dev h0 clsact');
    for (const names of [['nft_fwd_netdev'], ['nft_fwd_netdev', 'act_mirred']] as const) {
      add(BOTH, without(...names));
      expect(check(BOTH)).toEqual([]);
      remove();
      expect(lab.run('tc qdisc show dev h0')).toContain('clsact');
      expect(lab.run('tc filter show dev h0 ingress')).toBe('');
    }
  });
});

describe('no way is left', () => {
  it.each<[string, readonly Name[], Limits, string, string]>([
    ['tbf', ['tbf'], BOTH, 'the kernel lacks tbf, so that no limit can be set', 'modprobe -a sch_tbf'],
    ['htb', ['htb'], SUBNETS, 'the kernel lacks htb, so that no subnet can pass freely', 'modprobe -a sch_htb'],
    ['cls_u32 for subnets', ['cls_u32'], SUBNETS, 'the kernel lacks cls_u32', 'modprobe -a cls_u32'],
    ['ifb for subnets', ['ifb'], SUBNETS, 'by subnets: it lacks', 'modprobe -a'],
  ])('%s: the error names it and the command; DEL leaves nothing', (_what, names, limits, message, next) => {
    expect(() => add(limits, without(...names))).toThrow(
      expect.objectContaining({
        problem: 'unsupported',
        message: expect.stringContaining(message) as string,
        next: expect.stringContaining(next) as string,
      }),
    );
    remove();
    expectNothing();
  });

  it("another program's queue inside of the container is refused, and stays", () => {
    lab.run(`nsenter --net=${lab.netns} tc qdisc add dev eth0 root handle 9: htb`);
    expect(() => add(BOTH, without('ifb'))).toThrow("the container's end has a queue htb 9:");
    remove();
    expect(inside()).toContain('htb 9:');
  });

  it('a refusal of another kind is no missing part', () => {
    const wire = refusing(lab.wire, (name, text) =>
      name === 'RTM_NEWLINK' && text.includes('ifb') ? EPERM : undefined,
    );
    expect(() => add(BOTH, wire)).toThrow('EPERM');
    remove();
    expectNothing();
  });
});

it('what is missing is told by questions that change nothing', () => {
  const really = missingParts(lab.wire, true);
  for (const part of ['tbf', 'ifb', 'htb', 'nft_fwd_netdev'] as const) expect(really).not.toContain(part);
  expect(missingParts(without('tbf', 'fq_codel', 'htb', 'ifb', 'nft_fwd_netdev'), true)).toEqual([
    'tbf',
    'fq_codel',
    'htb',
    'ifb',
    'nft_fwd_netdev',
  ]);
  expect(missingParts(without('nf_tables_netdev', 'htb'))).toEqual([
    ...really.filter((part) => part === 'fq_codel'),
    'nft_fwd_netdev',
  ]);
  expectNothing();
});
