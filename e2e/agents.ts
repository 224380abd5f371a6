/** Agents: a test's hands inside network namespaces (bin/agent.mjs). */
import { existsSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from '@flatnet/testing';

const AGENT = join(import.meta.dirname, 'bin/agent.mjs');
const socketOf = (sandbox: Sandbox, place: string): string => join(sandbox.folder, `${place}.sock`);

/** In the namespace of that name; `host` is the sandbox itself. Lives as long as the sandbox. */
export function startAgent(sandbox: Sandbox, place: string, serves = place !== 'host' && place !== 'out'): void {
  const args = [AGENT, socketOf(sandbox, place), ...(serves ? [place] : [])];
  const forEver = { timeoutMs: 3_600_000 };
  if (place === 'host') void sandbox.run(process.execPath, args, forEver);
  else void sandbox.inNetns(place, process.execPath, args, forEver);
}

/** Asks one question at a time: `tcp|udp|udp-new <address> <port> [<ms>]`; the answer is "<container> <address it saw>", or an error code. */
export type Agent = (question: string) => Promise<string>;

/** An agent's socket is a file, and so reached from any network namespace. */
export async function connectAgent(sandbox: Sandbox, place: string): Promise<Agent> {
  for (let tries = 0; !existsSync(socketOf(sandbox, place)); tries += 1) {
    if (tries === 1200) throw new Error(`the agent in ${place} does not listen within two minutes`);
    await sleep(100);
  }
  const connection = net.connect(socketOf(sandbox, place));
  connection.unref();
  const answers = readline.createInterface({ input: connection })[Symbol.asyncIterator]();
  return async (question) => {
    connection.write(`${question}\n`);
    return String((await answers.next()).value);
  };
}
