/** The plugin over the fake kernel and a fake delegate, called as the skeleton calls it. */
import type { CniError } from '@flatnet/cni';
import { type AddResult, type IpamResult } from '@flatnet/cni';
import { FakeKernel } from '@flatnet/kernel/testing';
import { Rollback, type BaseRequest } from '@flatnet/skel';
import { decodeRaw } from '../src/schema.ts';
import { decodeConfig, type FlatnetConfig } from '../src/config.ts';
import type { Deps } from '../src/deps.ts';
import { pluginWith } from '../src/plugin.ts';

export const NETNS = '/run/netns/c1';
export const ANSWER: IpamResult = { ips: [{ address: '10.87.1.2/24', gateway: '10.87.1.1' }], routes: [], dns: {} };
export const CONF = { cniVersion: '1.1.0', name: 'net', ipam: { type: 'ipam', subnet: '10.87.1.0/24' } };

export class World {
  readonly kernel = new FakeKernel();
  /** Verbs that the delegate was asked for, in order. */
  readonly asked: string[] = [];
  answer: IpamResult = ANSWER;
  /** Verb -> what it fails with. */
  readonly refusals = new Map<string, CniError>();

  readonly deps: Deps = {
    kernel: () => this.kernel,
    delegateAdd: async () => {
      this.#ask('ADD');
      return this.answer;
    },
    delegateVerb: async (verb) => this.#ask(verb),
    findPlugin: (type) => `/cni/${type}`,
  };
  readonly plugin = pluginWith(this.deps);

  constructor() {
    this.kernel.files.set('/etc/machine-id', 'm');
  }

  #ask(verb: string): void {
    this.asked.push(verb);
    const refusal = this.refusals.get(verb);
    if (refusal !== undefined) throw refusal;
  }

  request(verb: BaseRequest<FlatnetConfig>['verb'], conf: object = CONF, more: object = {}) {
    return {
      ...{
        verb,
        cniVersion: '1.1.0' as const,
        network: 'net',
        args: new Map<string, string>(),
        cniPath: ['/opt/cni/bin'],
      },
      config: decodeConfig({ ...conf }, verb, decodeRaw),
      invocation: { env: {}, stdin: new Uint8Array() },
      signal: new AbortController().signal,
      phase: async <T>(_: string, work: () => T | Promise<T>): Promise<T> => work(),
      note: () => undefined,
      attachment: { containerId: 'c1', ifName: 'eth0' },
      netns: NETNS,
      ...more,
    };
  }

  /** ADD as the skeleton runs it: a failure is undone, then thrown with the failures of undoing. */
  async add(conf: object = CONF, more: object = {}): Promise<AddResult> {
    const rollback = new Rollback();
    try {
      return await this.plugin.add(this.request('ADD', conf, more), rollback);
    } catch (error) {
      this.undoFailures = await rollback.run();
      throw error;
    }
  }
  undoFailures: readonly string[] = [];

  del = (conf: object = CONF, more: object = {}): Promise<void> => this.plugin.del(this.request('DEL', conf, more));

  /** Links that are not bridges, here and in the container. */
  get links(): string[] {
    const names = (netns: string): string[] =>
      [...this.kernel.rtnetlink.in(netns).values()].filter(({ kind }) => kind !== 'bridge').map(({ name }) => name);
    return [...names(''), ...names(NETNS)];
  }
}
