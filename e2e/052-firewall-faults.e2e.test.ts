// flatnet-firewall while calls are killed, come at once, or find what others left.
import { rmSync } from 'node:fs';
import { killingMessages, type Json, type PluginAnswer } from '@flatnet/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, useSandbox } from './fixture.ts';
import { PolicyLab, withoutBridgeFilter, type Wish } from './policy-lab.ts';

const host = useSandbox();
let lab: PolicyLab;
const CONTAINERS = ['a1', 'a2', 'a3'] as const;
type Container = (typeof CONTAINERS)[number];
const POLICIES = {
  ingressPolicy: 'isolated',
  external: 'published',
  policies: [
    { containers: ['a1', 'a2'], ingress: [{ from: [{ container: 'a3' }] }], egress: [{ to: [{ entity: 'dns' }] }] },
  ],
};

// What the main plugin makes stays, so that each round is of flatnet-firewall alone.
beforeAll(async () => {
  lab = await PolicyLab.open(host.sandbox);
  lab.configure('a', {});
  for (const each of CONTAINERS) {
    await lab.add(each, 'a');
    await must('DEL', each);
  }
});
beforeEach(() => lab.configure('a', POLICIES));
afterAll(async () => {
  for (const each of CONTAINERS) await lab.del(each, 'a');
});

async function must(verb: string, container: Container, wish: Wish = {}, extra: Json = {}): Promise<PluginAnswer> {
  const answer = await lab.call(verb, container, 'a', wish, extra);
  expect(answer, `${verb} ${container}: ${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer;
}
const refused = async (verb: string, container: Container, extra: Json = {}) =>
  errorOf(await lab.call(verb, container, 'a', {}, extra));
const ruleset = async (): Promise<string> => (await host.sandbox.run('nft', ['list', 'ruleset'])).stdout;
const records = async (): Promise<string> => (await host.sandbox.run('ls', ['-R', '/run/flatnet/policy'])).stdout;
/** As after a crash of the file system. */
const loseRecords = (): void => rmSync('/run/flatnet/policy', { recursive: true, force: true });
const nothingLeft = async (step?: string): Promise<void> => {
  expect([await ruleset(), await records()], step).toEqual(['', '']);
};

const FILE_CALLS = ['mkdir', 'rename', 'unlink', 'rmdir'];
const killedAtFile = (syscall: string, k: number): readonly string[] => [
  ...['strace', '-qq', '-o', '/dev/null', '-e', `trace=${syscall}`],
  ...['-e', `inject=${syscall}:signal=SIGKILL:when=${k}`],
];
/** Each message as it is sent; `npm run test:system` kills at each answer and change of a file, too. */
const KILLS: readonly (readonly [string, (k: number) => readonly string[]])[] = [
  ['sent', (k) => killingMessages(k, 'before')],
  ...(process.env['FLATNET_SYSTEM'] === undefined
    ? []
    : ([
        ...FILE_CALLS.map((call) => [call, (k: number) => killedAtFile(call, k)] as const),
        ['answered', (k: number) => killingMessages(k, 'after')],
      ] as const)),
];

it.each([
  ['ADD', 'first', false],
  ['ADD', 'further', true],
  ['DEL', 'last', false],
  ['DEL', 'earlier', true],
] as const)(
  '%s of a %s attachment, killed at any step: the next call makes it whole',
  async (verb, _which, isOther) => {
    let kills = 0;
    for (const [what, under] of KILLS) {
      for (let k = 1; ; k += 1) {
        const step = `${what} ${k}`;
        if (isOther) await must('ADD', 'a2');
        if (verb === 'DEL') await must('ADD', 'a1');
        const { exitCode } = await lab.call(verb, 'a1', 'a', { under: under(k) });
        if (isOther) await must('CHECK', 'a2');
        await must(verb, 'a1');
        if (verb === 'ADD') await must('CHECK', 'a1');
        for (const each of ['a1', 'a2'] as const) await must('DEL', each);
        await nothingLeft(step);
        if (exitCode === 0) break;
        kills += 1;
      }
    }
    expect(kills).toBeGreaterThan(5);
  },
  120_000,
);

it('calls that come at once', async () => {
  const many = Array.from({ length: 20 }, (_, n) => ({ ifname: `eth${n}` }));
  const callAll = (verb: string) =>
    Promise.all(
      many.map(({ ifname }) => lab.call(verb, CONTAINERS[Number(ifname.slice(3)) % 3]!, 'a', { ifName: ifname })),
    );
  for (const { exitCode, stdout } of await callAll('ADD')) expect(exitCode, stdout).toBe(0);
  for (const { exitCode, stdout } of await callAll('CHECK')) expect(exitCode, stdout).toBe(0);
  for (const { exitCode, stdout } of await callAll('DEL')) expect(exitCode, stdout).toBe(0);
  await nothingLeft();
});

describe('DEL and GC', () => {
  it('DEL needs no prevResult, no valid configuration and no records, and succeeds twice', async () => {
    for (const each of CONTAINERS) await must('ADD', each);
    await must('DEL', 'a1', {}, { prevResult: undefined, policies: 'nonsense', ingressPolicy: 7 });
    await must('DEL', 'a1');
    await must('CHECK', 'a2');
    loseRecords();
    await must('DEL', 'a2');
    expect(await ruleset()).toContain('l_');
    await must('DEL', 'a3');
    await nothingLeft();
  });

  it('GC takes what is not valid, and nothing without a list', async () => {
    for (const each of CONTAINERS) await must('ADD', each);
    await must('GC', 'a1', {}, { prevResult: undefined });
    for (const each of CONTAINERS) await must('CHECK', each);
    const valid = (...ids: string[]) => ({
      'cni.dev/valid-attachments': ids.map((containerID) => ({ containerID, ifname: 'eth0' })),
    });
    await must('GC', 'a1', {}, valid('a1', 'a3'));
    await must('CHECK', 'a1');
    const { code } = await refused('CHECK', 'a2');
    expect(code).toBe(102);
    await must('GC', 'a1', {}, valid());
    await nothingLeft();
  });
});

it.each(['flush ruleset', 'flush chain inet flatnet_policy egress', 'delete table inet flatnet_policy'])(
  'CHECK tells of `nft %s`, and the next ADD makes all of it again',
  async (words) => {
    for (const each of ['a1', 'a3'] as const) await must('ADD', each);
    await host.sandbox.must('nft', words.split(' '));
    expect(await refused('CHECK', 'a1')).toMatchObject({
      code: 102,
      details: expect.stringContaining('inet flatnet_policy') as string,
    });
    await must('ADD', 'a2');
    // A chain of the middle is not looked at by an ADD of another; its own ADD, or a reload, mends it.
    if (words.startsWith('flush chain')) {
      await host.sandbox.must('nft', ['flush', 'ruleset']);
      await must('ADD', 'a2');
    }
    for (const each of CONTAINERS) if (each !== 'a3') await must('CHECK', each);
    for (const each of CONTAINERS) await must('DEL', each);
    await nothingLeft();
  },
);

it('an ADD that the kernel refuses leaves what was there before', async () => {
  await must('ADD', 'a1');
  const before = await ruleset();
  const refusing = ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=sendto'];
  lab.configure('a', { ...POLICIES, external: 'open' });
  let failures = 0;
  for (let k = 1; ; k += 1) {
    const under = [...refusing, '-e', `inject=sendto:error=ENOMEM:when=${k}`];
    const answer = await lab.call('ADD', 'a1', 'a', { under });
    if (answer.exitCode === 0) break;
    failures += 1;
    expect(await ruleset(), `message ${k}`).toBe(before);
    lab.configure('a', POLICIES);
    await must('CHECK', 'a1');
    lab.configure('a', { ...POLICIES, external: 'open' });
  }
  expect(failures).toBeGreaterThan(3);
  await must('DEL', 'a1');
  await nothingLeft();
});

it('without br_netfilter the host answers for siblings, and no longer after DEL', async () => {
  await withoutBridgeFilter(host.sandbox, async () => {
    const proxies = async () => (await host.sandbox.must('ip', ['-6', 'neigh', 'show', 'proxy'])).trim();
    for (const each of ['a1', 'a3'] as const) await must('ADD', each);
    expect((await proxies()).split('\n')).toHaveLength(2);
    expect(await lab.matrix('a3>a1', 'a1>a3')).toEqual({ 'a3>a1': 'silent', 'a1>a3': 'refused' });
    await host.sandbox.must('sysctl', ['-qw', 'net.ipv4.conf.br-a.proxy_arp_pvlan=0']);
    expect(await refused('CHECK', 'a1')).toMatchObject({
      details: expect.stringContaining('proxy_arp_pvlan') as string,
    });
    await must('ADD', 'a1');
    await must('CHECK', 'a1');
    lab.configure('a', {});
    await must('ADD', 'a1');
    expect(await proxies()).toBe('');
    expect(await lab.matrix('a3>a1')).toEqual({ 'a3>a1': 'yes' });
    for (const each of ['a1', 'a3'] as const) await must('DEL', each);
    expect(await host.sandbox.must('sysctl', ['-n', 'net.ipv4.conf.br-a.proxy_arp_pvlan'])).toBe('0\n');
  });
  await nothingLeft();
});
