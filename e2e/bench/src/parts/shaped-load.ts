import { setTimeout as sleep } from 'node:timers/promises';
import type { Sample } from '../sample.ts';
import { PATH, tool, type Sandbox } from '../sandbox.ts';

/** What passes a limit, and how many bits in a second that is. */
export interface Load {
  readonly rate: number;
  readonly direction: 'down' | 'up';
  /** TCP; absent: UDP at 1.2 times the limit. */
  readonly flows?: number;
  /** Bits; absent: flatnet chooses it, the reference gets 64 KiB. */
  readonly burst?: number;
}

export interface Held {
  /** Of the limit: payload that arrived, with the headers of full frames added. */
  readonly share: number;
  /** Milliseconds of ping beside the load, on average and the worst. */
  readonly ping: number;
  readonly worst: number;
}

export interface Ends {
  readonly sandbox: Sandbox;
  /** Namespaces of the container and of what it talks to. */
  readonly container: string;
  readonly server: string;
  readonly address: string;
}

/** Payload of a full frame by its 1514 bytes: TCP with timestamps, and the UDP of this benchmark. */
const TCP_SHARE = 1448 / 1514;
const UDP_PAYLOAD = 1400;
const UDP_SHARE = UDP_PAYLOAD / (UDP_PAYLOAD + 42);
/** The load begins with a burst, and the ping when that is over. */
const WARM_UP_MS = 300;
const PINGS_IN_A_SECOND = 10;

type Report = { end: Readonly<Record<string, { readonly bits_per_second: number } | undefined>>; error?: string };

/** Puts a load on the limit that is set now, and pings beside it. `paused`: the machine stood still meanwhile. */
export async function putLoad(ends: Ends, load: Load, seconds: number): Promise<{ held: Held; paused: boolean }> {
  const { rate, direction, flows } = load;
  tool('ip', ['netns', 'exec', ends.server, 'iperf3', '-s', '-1', '-D']);
  const ping = sleep(WARM_UP_MS).then(() =>
    inside(ends, 'ping', ['-i', `${1 / PINGS_IN_A_SECOND}`, '-c', `${seconds * 7}`, '-W', '3', ends.address]),
  );
  const how = flows === undefined ? ['-u', '-b', `${rate * 1.2}`, '-l', `${UDP_PAYLOAD}`] : ['-P', `${flows}`];
  const args = ['-c', ends.address, '-t', `${seconds}`, '-J', ...(direction === 'down' ? ['-R'] : []), ...how];
  const { end, paused } = await iperf(ends, args);
  const payload = (end['sum_received'] ?? end['sum'])?.bits_per_second ?? NaN;
  const [, average = 'NaN', worst = 'NaN'] = /= [\d.]+\/([\d.]+)\/([\d.]+)\//.exec((await ping).stdout) ?? [];
  const share = payload / (flows === undefined ? UDP_SHARE : TCP_SHARE) / rate;
  return { held: { share, ping: Number(average), worst: Number(worst) }, paused };
}

const TRIES = 10;

/** The server has put itself into the background before it listens. */
async function iperf(ends: Ends, args: readonly string[]): Promise<Report & Pick<Sample, 'paused'>> {
  for (let tries = TRIES; ; tries -= 1) {
    const { stdout, paused } = await inside(ends, 'iperf3', args);
    const report = JSON.parse(stdout) as Report;
    if (report.error === undefined) return { ...report, paused };
    if (tries === 0) throw new Error(`iperf3: ${report.error}`);
    await sleep(100);
  }
}

const inside = ({ sandbox, container }: Ends, file: string, args: readonly string[]): Promise<Sample> =>
  sandbox.run({ file: '/usr/sbin/ip', args: ['netns', 'exec', container, file, ...args], env: { PATH } });
