import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  callPlugin,
  findLeaks,
  openSandbox,
  takeInventory,
  type Conflist,
  type Inventory,
  type Json,
  type PluginAnswer,
  type PluginCall,
  type Sandbox,
} from '@flatnet/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

/**
 * One private host for the tests of a file. Whatever a test attaches it has to detach: after each test the whole state
 * of the host is that from before it, but for what libs/testing/src/leaks/may-stay.ts names.
 */
export function useSandbox(): { readonly sandbox: Sandbox } {
  const holder: { sandbox: Sandbox } = { sandbox: undefined as never };
  let before: Inventory;
  beforeAll(async () => {
    holder.sandbox = await openSandbox();
  });
  beforeEach(async () => {
    before = await takeInventory(holder.sandbox);
  });
  afterEach(async () => {
    expect(await findLeaks(holder.sandbox, before), 'left or lost on the host').toEqual([]);
  });
  afterAll(async () => {
    await holder.sandbox?.close();
  });
  return holder;
}

/** Makes a container's namespace, runs the test's body, and removes the namespace whatever happens. */
export async function withNetns<T>(
  sandbox: Sandbox,
  names: readonly string[],
  body: (paths: string[]) => Promise<T>,
): Promise<T> {
  try {
    const paths: string[] = [];
    for (const name of names) paths.push(await sandbox.addNetns(name));
    return await body(paths);
  } finally {
    for (const name of names) await sandbox.deleteNetns(name);
  }
}

/** Calls a plugin and demands success. Answers its JSON. */
export async function succeed(sandbox: Sandbox, call: PluginCall): Promise<Json> {
  const answer = await callPlugin(sandbox, call);
  expect(answer, `${answer.stdout}${answer.stderr}`).toMatchObject({ exitCode: 0 });
  return answer.json ?? {};
}

/** Calls a plugin and demands one error object of the protocol on stdout, and the same as one line on stderr. */
export async function fail(sandbox: Sandbox, call: PluginCall): Promise<Json & { code: number; msg: string }> {
  const answer = await callPlugin(sandbox, call);
  return errorOf(answer);
}

/** The error object of an answer, after checks that hold for every one. */
export function errorOf(answer: PluginAnswer): Json & { code: number; msg: string } {
  expect(answer, answer.stdout).toMatchObject({ exitCode: 1, ending: 'exit' });
  expect(answer.json, `stdout: ${answer.stdout} stderr: ${answer.stderr}`).toMatchObject({
    cniVersion: expect.any(String) as string,
    code: expect.any(Number) as number,
    msg: expect.any(String) as string,
  });
  return answer.json as Json & { code: number; msg: string };
}

const root = join(import.meta.dirname, '..');

/** A file of configs/. */
export const readConflist = (name: string): Conflist =>
  JSON.parse(readFileSync(join(root, 'configs', name), 'utf8')) as Conflist;

/** Addresses (with prefix length) of an interface in a namespace, without link-local ones. */
export async function addressesIn(sandbox: Sandbox, netns: string, ifName: string): Promise<string[]> {
  const shown = await sandbox.must('ip', ['-n', netns, '-j', 'address', 'show', 'dev', ifName, 'scope', 'global']);
  const [link] = JSON.parse(shown) as { addr_info: { local: string; prefixlen: number }[] }[];
  // `ip` prints an empty object for an address that its filter left out.
  const global = (link?.addr_info ?? []).filter(({ local }) => local !== undefined);
  return global.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

/** `ips[].address` of a result. */
export const ipsOf = (result: Json): string[] => (result['ips'] as { address: string }[]).map(({ address }) => address);

/** Demands that one ping from a namespace to an address is answered. */
export async function expectPing(sandbox: Sandbox, netns: string, address: string): Promise<void> {
  const target = address.replace(/\/\d+$/, '');
  const result = await sandbox.inNetns(netns, 'busybox', ['ping', '-c', '1', '-W', '15', target]);
  expect(result, `ping ${target} from ${netns}: ${result.stdout}${result.stderr}`).toMatchObject({ exitCode: 0 });
}

/**
 * Serves a page over HTTP in a namespace (on all its IPv4 and IPv6 addresses) as long as the body runs.
 *
 * @param netns name of the container's namespace; the page is "served by <netns>".
 */
export async function withServer<T>(sandbox: Sandbox, netns: string, port: number, body: () => Promise<T>): Promise<T> {
  const folder = join(sandbox.folder, `www-${netns}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.html'), `served by ${netns}\n`);
  // Without -f the server goes to the background once it listens, so there is nothing to wait for.
  const started = await sandbox.inNetns(netns, 'busybox', ['httpd', '-p', `[::]:${port}`, '-h', folder]);
  expect(started, started.stderr).toMatchObject({ exitCode: 0 });
  try {
    return await body();
  } finally {
    for (const pid of (await sandbox.must('ip', ['netns', 'pids', netns])).split('\n').filter(Boolean)) {
      await sandbox.run('kill', ['-KILL', pid]);
    }
  }
}

/** A page fetched from the host or from a namespace; empty when it cannot be reached in 5 s. IPv6 addresses stand bare. */
export async function fetchPage(sandbox: Sandbox, address: string, port: number, netns?: string): Promise<string> {
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}/`;
  const args = [join(root, 'e2e/bin/fetch.mjs'), url];
  const result =
    netns === undefined
      ? await sandbox.run(process.execPath, args)
      : await sandbox.inNetns(netns, process.execPath, args);
  return result.stdout.trim();
}
