import { FakeKernel } from '@flatnet/kernel/testing';
import { ABSENT, completeWire, lacking } from '@flatnet/shaping/testing';
import { expect, it } from 'vitest';
import { parseRate, showRate } from '../src/limit/rate.ts';
import { fakeWorld } from './fake-world.ts';

it.each<[string, number | undefined]>([
  ['10M', 10e6],
  ['10Mbit', 10e6],
  ['10 Mbit/s', 10e6],
  ['10mbps', 10e6],
  ['1.25MB', 10e6],
  ['1.25 Mbyte/s', 10e6],
  ['10Mb', 10e6],
  ['8', 8],
  ['64Ki', 65_536],
  ['1KiB/s', 8_192],
  ['2.5g', 2.5e9],
  ['none', undefined],
  ['0', undefined],
])('%s is a rate', (text, bits) => {
  expect(parseRate('--down', text)).toBe(bits);
});

it.each(['', 'fast', '-1M', '7', '1e6', '10M; rm', '10Q', '9999999T', '0.1'])('%j is none', (text) => {
  expect(() => parseRate('--down', text)).toThrow(expect.objectContaining({ exit: 2 }));
});

it.each([
  [10e6, '10 Mbit/s'],
  [1_234_567, '1.235 Mbit/s'],
  [800, '800 bit/s'],
])('%d is shown as %s', (bits, words) => {
  expect(showRate(bits)).toBe(words);
});

it('network create chains flatnet-bandwidth where a limit is asked for', async () => {
  const { ctl } = fakeWorld();
  const options = ['--dry-run', '--subnet', '10.9.0.0/24', '--opt', 'limit_down=10M', '--opt', 'limit_up=250kB'];
  const { code, out } = await ctl('network', 'create', 'web', ...options);
  expect(code).toBe(0);
  const { plugins } = JSON.parse(out.slice(out.indexOf('{'))) as { plugins: Record<string, unknown>[] };
  expect(plugins.at(-2)).toEqual({
    ...{ type: 'flatnet-bandwidth', capabilities: { bandwidth: true } },
    ...{ ingressRate: 10e6, egressRate: 2e6 },
  });
  expect(plugins[0]).not.toHaveProperty('limitDown');
  expect((await ctl('network', 'create', 'web', '--dry-run', '--opt', 'limit_down=fast')).code).toBe(2);
});

it('limit set says what is missing, and how it is given', async () => {
  const { ctl } = fakeWorld();
  expect((await ctl('limit', 'set', 'web', 'db')).err).toContain('--down 10M --up none');
  expect((await ctl('limit', 'set', 'web', 'db', '--down', '10M')).code).not.toBe(0);
  expect((await ctl('limit', 'set', 'web', 'db', '--down', 'fast')).code).toBe(2);
});

it('doctor names what the kernel lacks for limits, and the command', async () => {
  const wire = lacking(completeWire(), ABSENT.ifb, ABSENT.htb, ABSENT.fq_codel);
  const { ctl } = fakeWorld('/nonexistent', new FakeKernel(), true, true, wire);
  const findings = async () => {
    const { out } = await ctl('doctor', '-o', 'json');
    const all = JSON.parse(out) as { check: string; state: string; reason: string; repair?: string }[];
    return all.flatMap(({ check, ...rest }) => (check === 'limits' ? [rest] : []));
  };
  expect(await findings()).toEqual([]);
  await ctl('network', 'create', 'web', '--subnet', '10.9.0.0/24', '--opt', 'limit_down=10M');
  expect(await findings()).toEqual([
    expect.objectContaining({ state: 'warning', reason: expect.stringContaining('lacks fq_codel') as string }),
    {
      state: 'failed',
      reason: 'the kernel lacks ifb: containers with CAP_NET_ADMIN can end the limit of what they send',
      repair: 'modprobe ifb',
    },
  ]);
});
