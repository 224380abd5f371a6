/** Whether a server answers with what it should. */
import { sleep } from '@flatnet/exec/sleep';
import { DnsError } from './error.ts';
import type { Entry, Zone } from './model.ts';
import { restart } from './serve.ts';
import type { World } from './world.ts';

/** What one question waits for. */
const QUESTION_MS = 200;
/** A server that is slow is not restarted: it answers while it reads a long list of names. One that is mute is. */
const MUTE_MS = 2_000;
const MAX_MS = 5_000;

/** The addresses of `entry` that the server does not answer with; `mute` where it answers nothing at all. */
export function unanswered({ ask }: World, zone: Zone, port: number, entry: Entry): readonly string[] | 'mute' {
  const [server] = zone.addresses;
  const [name] = entry.names;
  if (server === undefined || name === undefined) return [];
  const missing: string[] = [];
  for (const type of ['A', 'AAAA'] as const) {
    const own = entry.addresses.filter((address) => address.includes(':') === (type === 'AAAA'));
    if (own.length === 0) continue;
    const answer = ask({ address: server, port }, name, type, QUESTION_MS);
    if (answer === undefined) return 'mute';
    missing.push(...own.filter((address) => !answer.addresses.includes(address)));
  }
  return missing;
}

/** Returns when the server answers with the entry's addresses; one that is mute is started anew, once. @throws DnsError `no-answer`. */
export async function awaitAnswer(world: World, zone: Zone, port: number, entry: Entry): Promise<void> {
  const begin = performance.now();
  let [at, isRestarted] = [port, false];
  for (let tries = 0; ; tries += 1) {
    const missing = unanswered(world, zone, at, entry);
    if (missing.length === 0) return;
    const passed = performance.now() - begin;
    if (passed > MAX_MS) throw noAnswer(zone, entry, missing);
    if (missing === 'mute' && passed > MUTE_MS && !isRestarted) {
      at = await restart(world, zone);
      isRestarted = true;
    }
    await sleep(Math.min(1 + tries, 50));
  }
}

function noAnswer(
  { bridge, addresses }: Zone,
  { names: [name] }: Entry,
  missing: readonly string[] | 'mute',
): DnsError {
  const what = missing === 'mute' ? 'answers nothing' : `does not know ${missing.join(' and ')} for ${name}`;
  return new DnsError(
    'no-answer',
    `dnsmasq on bridge ${bridge} ${what}`,
    `look why: dig @${addresses[0]} ${name}, and the log of dnsmasq`,
  );
}
