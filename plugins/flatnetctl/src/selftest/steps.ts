/** The steps of `flatnetctl test`, in order: each says what it saw, and what to do when it is not what it should be. */
import { parseCidr } from '@flatnet/addressing';
import { hasCapability } from '@flatnet/cni';
import { findTool } from '@flatnet/exec';
import { setTimeout as sleep } from 'node:timers/promises';
import { mainPlugin } from '../conflist/model.ts';
import { addressesIn } from '../ipam/addresses-in.ts';
import { factsOf } from '../network/describe.ts';
import { type Bench, containerIdOf } from './bench.ts';
import { addressOfUplink } from './lab.ts';
import { enter } from './namespaces.ts';
import { remainsOf } from './remains.ts';
import { refusal, type Step } from './step.ts';

const PORT = 8099;
const TOKEN = 'flatnetctl-test';
const REACH_MS = 6_000;
const GONE_MS = 10_000;

export const STEPS: readonly (readonly [name: string, work: (bench: Bench) => Promise<Step> | Step])[] = [
  ['plugins', plugins],
  ['attach', attachBoth],
  ['addresses', addresses],
  ['ping', ping],
  ['container to container', between],
  ['outside', outside],
  ['published port', published],
  ['check', checkBoth],
  ['detach', detachBoth],
  ['nothing left', nothingLeft],
];

const ok = (reason: string): Step => ({ state: 'ok', reason });
const failed = (reason: string, next: string): Step => ({ state: 'failed', reason, next });
const skipped = (reason: string): Step => ({ state: 'skipped', reason });

function plugins({ front }: Bench): Step {
  return ok(front.executables().join(' '));
}

const publishes = ({ file }: Bench): boolean =>
  file.network.plugins.some((plugin) => hasCapability(plugin, 'portMappings'));

async function attachBoth(bench: Bench): Promise<Step> {
  for (const part of ['a', 'b'] as const) {
    const isServer = part === 'a' && publishes(bench);
    const ports = isServer ? [{ hostPort: bench.hostPort, containerPort: PORT, protocol: 'tcp' as const }] : [];
    const wanted = { containerId: containerIdOf(part), netns: bench.lab[part], ports };
    bench.attached.push(await bench.front.attach(wanted));
  }
  return ok(bench.attached.flatMap((cached) => factsOf(cached).addresses).join(' '));
}

const addressOf = (bench: Bench, index: 0 | 1): string | undefined => {
  const cached = bench.attached[index];
  const text = cached === undefined ? undefined : factsOf(cached).addresses[0];
  return text === undefined ? undefined : String(parseCidr(text).ip);
};

function addresses(bench: Bench): Step {
  for (const cached of bench.attached) {
    const inside = addressesIn(bench.world.kernel, cached.netns ?? '') ?? [];
    const lost = factsOf(cached).addresses.map((text) => String(parseCidr(text).ip));
    const missing = lost.filter((address) => !inside.includes(address));
    if (missing.length > 0) return failed(`${missing.join(' ')} is not on the interface`, 'flatnetctl logs --errors');
  }
  return ok('as in the results');
}

/** ping(8) or busybox's; a host may have neither. */
function pingCommand(address: string): readonly [string, readonly string[]] | undefined {
  const args = ['-c', '1', '-W', '3', address];
  if (findTool('ping') !== undefined) return ['ping', args];
  return findTool('busybox') === undefined ? undefined : ['busybox', ['ping', ...args]];
}

async function ping(bench: Bench): Promise<Step> {
  const address = addressOf(bench, 0);
  const command = address === undefined ? undefined : pingCommand(address);
  if (address === undefined) return skipped('the network gives no addresses');
  if (command === undefined) return skipped('there is no ping(8); the next steps use TCP');
  const { exitCode, stdout, stderr } = await bench.world.run(...enter(bench.lab.b, ...command), {
    timeoutMs: 10_000,
    signal: bench.interrupted,
  });
  if (exitCode === 0) return ok(`b reaches ${address}`);
  if (mainPlugin(bench.file.network)['portIsolation'] === true) return ok('isolated from each other, as configured');
  return failed(`b does not reach ${address}: ${(stderr || stdout).trim().split('\n').at(-1)}`, 'flatnetctl doctor');
}

/** Runs `work` while the test's server answers in a namespace. */
async function withServer(bench: Bench, netns: string, work: () => Promise<Step>): Promise<Step> {
  const stop = new AbortController();
  const args = ['serve', '--port', String(PORT), '--token', TOKEN];
  const server = bench.lab.probe(netns, args, { signal: stop.signal }).catch(() => undefined);
  try {
    return await work();
  } finally {
    stop.abort();
    await server;
  }
}

/** Asks the server from a namespace; what it answers is whom it sees. */
async function seenFrom(bench: Bench, netns: string, host: string, port: number): Promise<string | undefined> {
  const args = ['ask', '--host', host, '--port', String(port), '--timeout', String(REACH_MS)];
  const { stdout } = await bench.lab.probe(netns, args, { signal: bench.interrupted });
  try {
    const { token, peer } = JSON.parse(stdout) as { token?: unknown; peer?: unknown };
    return token === TOKEN && typeof peer === 'string' ? peer : undefined;
  } catch {
    return undefined;
  }
}

async function between(bench: Bench): Promise<Step> {
  const address = addressOf(bench, 0);
  if (address === undefined) return skipped('the network gives no addresses');
  if (mainPlugin(bench.file.network)['portIsolation'] === true)
    return skipped('isolated from each other, as configured');
  return withServer(bench, bench.lab.a, async () => {
    const seen = await seenFrom(bench, bench.lab.b, address, PORT);
    if (seen === undefined) return failed(`b gets no answer from ${address}:${PORT}`, 'flatnetctl doctor');
    return ok(`b talks to ${address}:${PORT}`);
  });
}

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
const isMasqueraded = (bench: Bench, seen: string): boolean => seen !== addressOf(bench, 1);

/** The world has no route to the containers, so an answer proves both forwarding and masquerade. */
async function outside(bench: Bench): Promise<Step> {
  const address = addressOf(bench, 1);
  if (address === undefined) return skipped('the network gives no addresses');
  const link = await bench.lab.connectOutside(familyOf(address));
  return withServer(bench, bench.lab.outside, async () => {
    const isInternal = mainPlugin(bench.file.network)['internal'] === true;
    if (isInternal) return skipped('the network is internal: it has no way out');
    const seen = await seenFrom(bench, bench.lab.b, link.world, PORT);
    if (seen === undefined) {
      const next = 'flatnetctl doctor: it names a firewall that drops forwarded packets, or ip_forward';
      return failed(`b gets no answer from ${link.world}, which stands for the outside`, next);
    }
    if (!isMasqueraded(bench, seen)) return failed(`the outside sees ${seen}`, 'set ipMasq in the configuration');
    return ok(`b reaches ${link.world} as ${seen}`);
  });
}

async function published(bench: Bench): Promise<Step> {
  const address = addressOf(bench, 0);
  if (address === undefined || !publishes(bench)) return skipped('no plugin of the chain publishes ports');
  const family = familyOf(address);
  const own = addressOfUplink(bench.world, family);
  if (own === undefined) return skipped('there is no outside to ask from');
  return withServer(bench, bench.lab.a, async () => {
    const from = [
      ['the outside', bench.lab.outside],
      ['the other container', bench.lab.b],
      ['the host', '/proc/self/ns/net'],
    ] as const;
    for (const [who, netns] of from) {
      if ((await seenFrom(bench, netns, own, bench.hostPort)) === undefined) {
        return failed(
          `${who} gets no answer from ${own}:${bench.hostPort}`,
          'flatnetctl rules show, then flatnetctl doctor',
        );
      }
    }
    return ok(`${own}:${bench.hostPort} answers ${from.map(([who]) => who).join(', ')}`);
  });
}

async function checkBoth(bench: Bench): Promise<Step> {
  const { check } = bench.front;
  if (check === undefined) return skipped('nothing calls CHECK here');
  for (const cached of bench.attached) await check(cached);
  return ok('every plugin finds what it made');
}

async function detachBoth(bench: Bench): Promise<Step> {
  const { length } = bench.attached;
  const failures: string[] = [];
  for (const cached of bench.attached.splice(0).reverse()) {
    await bench.front.detach(cached).catch((error: unknown) => {
      bench.attached.unshift(cached);
      failures.push(refusal(error).reason);
    });
  }
  return failures.length === 0 ? ok(`${length} attachments`) : failed(failures.join('; '), 'flatnetctl ipam check');
}

async function nothingLeft(bench: Bench): Promise<Step> {
  for (let left = GONE_MS; ; left -= 100) {
    const remains = await remainsOf(bench);
    if (remains.length === 0) return ok('no link, lease, rule or record');
    if (left <= 0 || bench.interrupted.aborted) return failed(remains.join(', '), 'flatnetctl ipam check');
    await sleep(100);
  }
}
