/** Networks with names, and containers that ask. */
import { join } from 'node:path';
import { BIN, callPlugin, chainOf, type Chain, type Conflist, type Json, type Sandbox } from '@flatnet/testing';
import { expect } from 'vitest';

export const listOf = (name: string, number: number, dns: Json = {}): Conflist => ({
  cniVersion: '1.1.0',
  name,
  plugins: [
    {
      type: 'flatnet',
      ...{ bridge: `br-${name}`, isDefaultGateway: true },
      ipam: {
        type: 'flatnet-ipam',
        ranges: [[{ subnet: `10.53.${number}.0/24` }], [{ subnet: `fd53:${number}::/64` }]],
      },
    },
    { type: 'flatnet-dns', capabilities: { aliases: true }, ...dns },
  ],
});

export interface Container {
  readonly id: string;
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly ifName?: string;
  readonly under?: readonly string[];
}

/** Containers are namespaces, named by their ids. */
export class DnsLab {
  readonly chain: Chain;

  constructor(
    readonly sandbox: Sandbox,
    readonly list: Conflist,
  ) {
    this.chain = chainOf(sandbox, list);
  }

  #attachment({ id, name, aliases = [], ifName = 'eth0', under }: Container) {
    return {
      ...{
        containerId: id,
        netns: `/run/netns/${id}`,
        ifName,
        capabilities: { aliases: { [this.list.name]: aliases } },
      },
      args: `IgnoreUnknown=1;K8S_POD_NAME=${name ?? ''}`,
      ...(under === undefined ? {} : { under }),
    };
  }
  add = (container: Container): Promise<Json> => this.chain.add(this.#attachment(container));
  check = (container: Container): Promise<void> => this.chain.check(this.#attachment(container));
  del = (container: Container): Promise<void> => this.chain.del(this.#attachment(container));

  /** ADD of flatnet-dns alone, behind a result of the chain's. */
  call(verb: string, container: Container, config: Json, prevResult?: Json) {
    const { capabilities, ...attachment } = this.#attachment(container);
    const dns = { ...this.list.plugins[1]!, runtimeConfig: capabilities, ...config };
    const base = { name: this.list.name, cniVersion: this.list.cniVersion };
    return callPlugin(this.sandbox, {
      ...{ plugin: join(BIN, 'flatnet-dns'), verb, ...attachment },
      config: { ...dns, ...base, ...(prevResult === undefined ? {} : { prevResult }) },
    });
  }
}

/** What a container is answered: addresses, names of a PTR, or the refusal in words. */
export async function answerTo(
  sandbox: Sandbox,
  container: string,
  question: string,
  { type = 'a', server = '10.53.1.1' }: { readonly type?: string; readonly server?: string } = {},
): Promise<readonly string[] | string> {
  const { stdout, stderr } = await sandbox.inNetns(container, 'busybox', [
    'nslookup',
    // Of an address it asks for the name by itself.
    ...(type === 'ptr' ? [] : [`-type=${type}`]),
    ...[question, server],
  ]);
  const refusal = /(NXDOMAIN|REFUSED|timed out|SERVFAIL)/.exec(`${stdout}${stderr}`)?.[1];
  if (refusal !== undefined) return refusal;
  const answers = stdout.split('\n\n').slice(1).join('\n');
  return [...answers.matchAll(/^(?:Address:|.*\sname =)\s+(\S+)$/gm)].map(([, value]) => value!).sort();
}

/** Asks over TCP, and prints the last four bytes of the answer: the address of the last A record. */
const BY_TCP = `
const [server, name] = process.argv.slice(1);
const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
const question = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
const socket = require('net').connect(53, server, () => socket.write(Buffer.from([0, question.length, ...question])));
socket.on('data', (answer) => { console.log([...answer.subarray(-4)].join('.')); socket.destroy(); });`;

export async function answerByTcp(sandbox: Sandbox, container: string, name: string, server: string): Promise<string> {
  const { stdout } = await sandbox.inNetns(container, process.execPath, ['-e', BY_TCP, server, name], {
    timeoutMs: 5_000,
  });
  return stdout.trim();
}

/** The one dnsmasq of the sandbox that serves a network's bridge. */
export async function serverOf(sandbox: Sandbox, bridge: string): Promise<number> {
  const { stdout } = await sandbox.run('sh', [
    '-c',
    `for f in /run/flatnet/dns/*/*/conf; do grep -qx "interface=${bridge}" $f && cat \${f%conf}pid; done; true`,
  ]);
  const pids = stdout.trim().split('\n').filter(Boolean);
  expect(pids, `servers of ${bridge}`).toHaveLength(1);
  return Number(pids[0]);
}

/** Programs named dnsmasq in the sandbox. */
export async function servers(sandbox: Sandbox): Promise<readonly number[]> {
  const { stdout } = await sandbox.run('pgrep', ['-x', 'dnsmasq']);
  return stdout.trim().split('\n').filter(Boolean).map(Number);
}
