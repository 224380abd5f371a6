/** The built plugin, ended by a signal half way: nothing is left, at the latest after the runtime's DEL. */
import { killingMessages } from '@flatnet/testing';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { network, openHost, type Host } from './host.ts';

let host: Host;
beforeAll(async () => {
  host = await openHost();
  await host.sandbox.addNetns('c1');
  await host.settle();
}, 60_000);
afterAll(() => host?.sandbox.close());

// After each kill the command's children end by themselves; host-local cannot know that nobody waits for it, so the runtime's DEL comes after it.
describe.each(['before', 'after'] as const)('kill -9 %s', (moment) => {
  it.each([
    ['ADD', 2],
    ['DEL', 1],
  ])(
    "at each message of %s to the kernel, then the runtime's DEL: nothing is left",
    async (verb, least) => {
      for (let k = 1; ; k++) {
        if (verb === 'DEL') expect((await host.call('ADD', 'c1', network(host, 1))).exitCode).toBe(0);
        const { exitCode } = await host.call(verb, 'c1', network(host, 1), { under: killingMessages(k, moment) });
        await host.sandbox.idle();
        expect(await host.call('DEL', 'c1', network(host, 1)), `message ${k}`).toMatchObject({ exitCode: 0 });
        expect(await host.remains(), `message ${k}`).toEqual([]);
        if (exitCode !== 0) continue;
        expect(k).toBeGreaterThan(least);
        break;
      }
    },
    240_000,
  );

  it("at the delegate's ADD, then the runtime's DEL: nothing is left", async () => {
    const work = 'printf %s "$input" | /usr/lib/cni/host-local';
    const kill = '[ $CNI_COMMAND != ADD ] || kill -KILL $PPID';
    const steps = moment === 'before' ? [kill, work] : [work, kill];
    host.script('bin', 'killer', ['input=$(cat)', ...steps].join('\n'));
    const config = network(host, 1);
    const killer = { ...config, ipam: { ...(config['ipam'] as object), type: 'killer' } };
    expect((await host.call('ADD', 'c1', killer)).exitCode).not.toBe(0);
    await host.sandbox.idle();
    expect(await host.call('DEL', 'c1', network(host, 1))).toMatchObject({ exitCode: 0 });
    expect(await host.remains()).toEqual([]);
  }, 60_000);
});

it('SIGTERM in ADD rolls back', async () => {
  host.script('bin', 'slow', 'cat >/dev/null; if [ $CNI_COMMAND = ADD ]; then exec sleep 30; fi');
  const env = {
    ...{
      PATH: '/usr/bin',
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'c1',
      CNI_IFNAME: 'eth0',
      CNI_NETNS: '/run/netns/c1',
      CNI_PATH: host.bin,
    },
  };
  const input = JSON.stringify({ ...network(host, 1), ipam: { type: 'slow' } });
  const result = await host.sandbox.run('timeout', ['-s', 'TERM', '5', join(host.bin, 'flatnet')], { input, env });
  expect(JSON.parse(result.stdout)).toMatchObject({ code: 11, msg: 'interrupted by SIGTERM' });
  expect(await host.remains()).toEqual([]);
}, 60_000);
