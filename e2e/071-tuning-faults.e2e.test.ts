// flatnet-tuning while calls are killed, or come at once.
import { killingMessages, type Json } from '@flatnet/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { buildShapingLab, callBandwidth, must as mustCall, removeShapingLab, type ShapingCall } from './shaping-lab.ts';

const host = useSandbox();
beforeAll(() => buildShapingLab(host.sandbox));
afterAll(() => removeShapingLab(host.sandbox));

const PLUGIN = { plugin: 'flatnet-tuning' } as const;
const must = (verb: string, call: ShapingCall = {}) => mustCall(host.sandbox, verb, { ...PLUGIN, ...call });
const link = async (): Promise<string> => (await host.sandbox.inNetns('c1', 'ip', ['-o', 'link'])).stdout;
const records = async (): Promise<string> =>
  (await host.sandbox.run('find', ['/run/flatnet/tuning', '-type', 'f'])).stdout;

const SETTING = 'net.ipv4.conf.IFNAME.arp_notify';
const FIRST: Json = { mac: '02:00:00:00:00:77', mtu: 1400, promisc: true, txQLen: 77, sysctl: { [SETTING]: '1' } };
const SECOND: Json = { mac: '02:00:00:00:00:78', mtu: 1300, promisc: true, allmulti: true, sysctl: { [SETTING]: '0' } };

const killedAt = (syscall: string, k: number): readonly string[] => [
  ...['strace', '-qq', '-o', '/dev/null', '-e', `trace=${syscall}`],
  ...['-e', `inject=${syscall}:signal=SIGKILL:when=${k}`],
];
/** Each message and each change of a file's name; `npm run test:system` kills at each answer and each way to the container and home, too. */
const KILLS: readonly (readonly [string, (k: number) => readonly string[]])[] = [
  ['sent', (k) => killingMessages(k, 'before')],
  ...['rename', 'unlink'].map((call) => [call, (k: number) => killedAt(call, k)] as const),
  ...(process.env['FLATNET_SYSTEM'] === undefined
    ? []
    : ([
        ['answered', (k: number) => killingMessages(k, 'after')],
        ...['setns', 'mkdir'].map((call) => [call, (k: number) => killedAt(call, k)] as const),
      ] as const)),
];

/** More calls than a verb makes: a sweep that never ends is a fault of the test. */
const MOST = 40;

it.each<[string, string, readonly Json[], Json]>([
  ['ADD', 'the first', [], FIRST],
  ['ADD', 'a further', [FIRST], SECOND],
  ['DEL', 'the', [FIRST], FIRST],
])(
  '%s killed at any step (%s): CHECK after the next ADD agrees, and DEL puts the interface back',
  async (verb, _which, earlier, config) => {
    const before = await link();
    let kills = 0;
    for (const [what, under] of KILLS) {
      for (let k = 1; k < MOST; k += 1) {
        for (const isAddedAgain of verb === 'ADD' ? [false, true] : [false]) {
          const step = `${what} ${k}`;
          for (const each of earlier) await must('ADD', { config: each });
          const { exitCode } = await callBandwidth(host.sandbox, verb, { ...PLUGIN, config, under: under(k) });
          if (exitCode !== 0) kills += 1;
          if (isAddedAgain) {
            await must('ADD', { config });
            await must('CHECK', { config });
          }
          await must('DEL');
          expect([await link(), await records()], step).toEqual([before, '']);
          if (exitCode === 0) k = MOST;
        }
      }
    }
    expect(kills).toBeGreaterThan(2);
    await host.sandbox.inNetns('c1', 'sysctl', ['-qw', 'net.ipv4.conf.eth0.arp_notify=0']);
  },
  120_000,
);

it('of two interfaces that are tuned and put back at once each has its own values', async () => {
  const before = await link();
  for (let times = 0; times < 5; times += 1) {
    const both = ['eth0', 'eth1'].map((ifName, at) => ({ ifName, config: { mtu: 1400 + at, txQLen: 70 + at } }));
    await Promise.all(both.map((call) => must('ADD', call)));
    for (const call of both) await must('CHECK', call);
    await Promise.all(both.map((call) => must('DEL', call)));
    expect(await link()).toBe(before);
  }
});
