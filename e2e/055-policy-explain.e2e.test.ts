// What the operator is told about policies, beside what packets do.
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { type Operator, operatorOf } from './operator.ts';
import { gatewayOf, type NetworkName, type Place, PolicyLab, type Verdict, type Wish } from './policy-lab.ts';

const host = useSandbox();
let lab: PolicyLab;
let ctl: Operator;
const attached: [Place, NetworkName][] = [];
beforeAll(async () => {
  lab = await PolicyLab.open(host.sandbox);
  ctl = operatorOf(host.sandbox, join(host.sandbox.folder, 'net.d'));
});
afterEach(async () => {
  for (const [place, network] of attached.splice(0)) await lab.del(place, network);
});
const add = async (place: Place, network: NetworkName, wish: Wish = {}): Promise<void> => {
  attached.push([place, network]);
  await lab.add(place, network, wish);
};

interface Told {
  readonly to: { readonly address: string };
  readonly verdict: string;
  readonly hops: readonly { where: string; by: string; because: string; verdict: string }[];
}
const told = async (from: string, to: string, port: string): Promise<readonly Told[]> =>
  JSON.parse(await ctl.must('policy', 'explain', from, to, port, '-o', 'json')) as readonly Told[];
const WORDS: Readonly<Record<string, Verdict>> = { passes: 'yes', refused: 'refused', dropped: 'silent' };

/** What the operator is told, after packets have said the same, in each family. @param names of containers that have another. */
async function explained(from: Place, to: string, port = 80, names: Partial<Record<string, string>> = {}) {
  const called = (place: string): string => names[place] ?? (place === 'out' ? '192.0.2.9' : place);
  const answers = await told(called(from), called(to), String(port));
  const heard = await Promise.all(answers.map((each) => lab.ask(from, each.to.address, port)));
  answers.forEach(({ to: { address }, verdict }, index) => {
    expect([from, address, port, WORDS[verdict]]).toEqual([from, address, port, heard[index]]);
  });
  return answers;
}
const ends = (answers: readonly Told[]): readonly string[] =>
  answers.map(({ verdict, hops }) => `${verdict} ${(hops.at(-1) ?? { where: '' }).where}`);

const API_TO_DB = [
  { name: 'db', containers: ['db'], ingress: [{ from: [{ container: 'api' }], ports: [{ port: 5432 }] }] },
  { name: 'shy', containers: ['job'], egress: [{ to: [{ entity: 'dns' }] }] },
];

describe('policy explain', () => {
  it('names what decides, and packets agree', async () => {
    lab.configure('a', { external: 'published', ingressPolicy: 'same-bridge', policies: API_TO_DB });
    lab.configure('b', { ingressPolicy: 'same-bridge' });
    const published = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
    await add('a1', 'a', { name: 'db', published });
    await add('a2', 'a', { name: 'api' });
    await add('a3', 'a', { name: 'job' });
    await add('b1', 'b');
    const ask = async (from: Place, to: Place, port: number): Promise<Told> => {
      const answers = await explained(from, to, port, { a1: 'db', a2: 'api', a3: 'job' });
      expect(answers).toHaveLength(2);
      return answers[0]!;
    };
    const asked = await ask('a2', 'a1', 5432);
    expect(asked.hops.map(({ because }) => because)).toContain('ingress of db: db');
    expect(asked.hops[0]).toMatchObject({ where: 'bridge br-a', because: 'br_netfilter' });
    const closed = (await ask('a2', 'a1', 80)).hops.at(-1);
    expect(closed).toMatchObject({ because: 'ingress of db: db', by: 'counter drop', verdict: 'dropped' });
    expect((await ask('a3', 'a2', 80)).hops.map(({ by }) => by).join()).toMatch(
      /br-a \. 10\.61\.1\.\d+ in @egress4: goto e_/,
    );
    expect((await ask('a2', 'b1', 80)).hops.at(-1)).toMatchObject({
      because: 'network a: same-bridge, external published',
    });
    expect((await ask('b1', 'a2', 80)).verdict).toBe('dropped');
    expect((await ask('a2', 'host', 80)).verdict).toBe('passes');
    expect((await ask('a3', 'host', 80)).verdict).toBe('refused');
    expect((await ask('host', 'a1', 80)).verdict).toBe('passes');
    expect(ends(await explained('out', lab.addressOf('a2', 4)))).toEqual(['dropped inet flatnet_policy outside']);
    expect(ends(await explained('out', '192.0.2.1', 8080))).toEqual([expect.stringMatching(/^dropped inet .* i_/)]);
    expect(ends(await explained('out', gatewayOf('b', 4), 8080))).toEqual([
      expect.stringMatching(/^dropped inet .* i_/),
    ]);
    expect(await told('a', 'host', '53/udp')).toHaveLength(6);
    expect(await ctl.must('policy', 'explain', 'api', 'db', '80')).toMatch(
      /^api of a \(10\.61\.1\.\d+\) -> db of a \(10\.61\.1\.\d+\) tcp 80: dropped\n {2}bridge br-a /,
    );
  });

  it('tells of chains of other programs, of ways that no filter sees, and of what is not there', async () => {
    const { sandbox } = host;
    lab.configure('a', {});
    await add('a1', 'a');
    await add('a2', 'a');
    const switches = ['iptables', 'ip6tables'].map((name) => `net.bridge.bridge-nf-call-${name}`);
    await sandbox.must('sysctl', ['-qw', ...switches.map((name) => `${name}=0`)]);
    expect(ends(await explained('a1', 'a2'))).toEqual(['passes bridge br-a', 'passes bridge br-a']);
    await sandbox.must('sysctl', ['-qw', ...switches.map((name) => `${name}=1`)]);
    await sandbox.must('nft', [
      'add table inet theirs; add chain inet theirs f { type filter hook forward priority 0; policy drop; }',
    ]);
    try {
      expect(ends(await explained('a1', 'out'))).toEqual(['dropped inet theirs f']);
      await sandbox.must('nft', ['add rule inet theirs f ip daddr 192.0.2.0/24 accept']);
      // The answers do not pass yet.
      expect(ends(await explained('a1', 'out'))).toEqual(['dropped inet theirs f']);
      await sandbox.must('nft', ['add rule inet theirs f ct state established accept']);
      expect(ends(await explained('a1', 'out'))).toEqual(['passes inet theirs f']);
    } finally {
      await sandbox.must('nft', ['delete table inet theirs']);
    }
    expect(await ctl.refuses(1, 'policy', 'explain', 'a1', 'nothing', '80')).toContain('no container, no network');
    expect(await ctl.refuses(2, 'policy', 'explain', 'a1', 'a2', '80/icmp')).toContain('is no port');
    await ctl.refuses(2, 'policy', 'explain', 'a1', 'a2', '0');
  });
});
