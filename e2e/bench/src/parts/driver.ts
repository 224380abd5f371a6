import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET, NEWEST_NETAVARK } from '../peers.ts';
import { median, mediansMs } from '../sample.ts';
import { makeNetns, Sandbox } from '../sandbox.ts';
import { type NetavarkDriver, NetavarkSide } from '../sides/netavark.ts';
import { container, published } from '../sides/side.ts';

/** netavark's setup and teardown of one more container with a published port, milliseconds, by one of its drivers. */
export interface DriverFigures {
  readonly driver: NetavarkDriver['name'];
  readonly setup: number;
  readonly teardown: number;
  /** CPU of both. */
  readonly setupCpu: number;
  readonly teardownCpu: number;
}

const PLUGINS = '/run/bench/netavark-plugins';

/** Undefined where the newest netavark was not fetched. */
export async function driver(rounds: number, budgetMs: number): Promise<readonly DriverFigures[] | undefined> {
  if (NEWEST_NETAVARK === undefined) return undefined;
  progress('driver: netavark with its bridge and with flatnet');
  mkdirSync(PLUGINS, { recursive: true });
  rmSync(`${PLUGINS}/flatnet`, { force: true });
  symlinkSync(`${FLATNET.cniPath}/flatnet`, `${PLUGINS}/flatnet`);
  const sides = (['bridge', 'flatnet'] as const).map((name, at) => {
    makeNetns([`driver${at}-stays`, `driver${at}-comes`]);
    const options = { driver: { name, plugins: PLUGINS } };
    return { name, at, side: new NetavarkSide(new Sandbox(`driver${at}`), NEWEST_NETAVARK!, name, options) };
  });
  const stays = (at: number) => container(`driver${at}-stays`, 2, published(9000));
  for (const { side, at } of sides) await side.attach(stays(at));
  const samples = await inTurn(sides, rounds, budgetMs, async ({ side, at }) => {
    const comes = container(`driver${at}-comes`, 3, published(9001));
    return { setup: await side.attach(comes), teardown: await side.detach(comes) };
  });
  for (const { side, at } of sides) {
    await side.detach(stays(at));
    side.sandbox.stop();
  }
  const of = (verb: 'setup' | 'teardown') => sides.map((side) => samples.get(side)!.map((sample) => sample[verb]));
  const [setups, teardowns] = [of('setup'), of('teardown')];
  const [setup, teardown] = [mediansMs(setups), mediansMs(teardowns)];
  const cpu = (of: (typeof setups)[number]): number => median(of.map(({ cpuMs }) => cpuMs));
  return sides.map(({ name }, at) => ({
    ...{ driver: name, setup: setup[at]!, teardown: teardown[at]! },
    ...{ setupCpu: cpu(setups[at]!), teardownCpu: cpu(teardowns[at]!) },
  }));
}

export const driverSection = (rows: readonly DriverFigures[] | undefined): Section => ({
  title: 'The driver of netavark',
  about:
    rows === undefined
      ? 'The newest netavark was not fetched (npm run bench:peers).'
      : "netavark's setup and teardown of one more container with a published port, by its own bridge and by the driver flatnet, which is a program " +
        'that netavark starts, and which starts the plugins of the chain. Milliseconds.',
  tables: [
    {
      head: ['driver', 'setup, ms', 'teardown, ms', 'against bridge', 'CPU, ms'],
      rows: (rows ?? []).map(({ driver: name, setup, teardown, setupCpu, teardownCpu }) => [
        ...[name, figure(setup), figure(teardown)],
        name === 'bridge' ? '' : `${ratio(setup, rows![0]!.setup)}, ${ratio(teardown, rows![0]!.teardown)}`,
        `${figure(setupCpu)} / ${figure(teardownCpu)}`,
      ]),
    },
  ],
});
