/** The fake of this lib: a kernel in memory that takes the changes and questions of flatnet, and fails where a test says. */
import type { RunOptions, RunResult } from '@flatnet/exec';
import type { Conntrack, FlowQuestion, TrackedFlow } from './conntrack.ts';
import { FakeNft } from './fake-nft.ts';
import { FakeRtnetlink, type FakeCall, type FakeLink } from './fake-rtnetlink.ts';
import type { Kernel } from './kernel.ts';
import type { ProcFiles } from './proc.ts';

export { FakeNft, nftRefusal } from './fake-nft.ts';
export { type NftAnswer, scriptedNft } from './scripted-nft.ts';
export { FakeRtnetlink, type FakeCall, type FakeLink } from './fake-rtnetlink.ts';

const SUCCESS: RunResult = { exitCode: 0, stdout: '', stderr: '', ending: 'exit' };

const isMeant = (flow: TrackedFlow, { family, ...question }: FlowQuestion): boolean =>
  flow.destination.includes(':') === (family === 6) &&
  Object.entries(question).every(([key, value]) => flow[key as keyof TrackedFlow] === value);

export class FakeKernel implements Kernel {
  /** Everything that the kernel was asked for, in order. */
  readonly calls: FakeCall[] = [];
  /**
   * Is asked at each call before it takes effect. It may throw what the kernel refuses, or answer a program in its place; undefined lets
   * the kernel answer.
   */
  intercept: (call: FakeCall, index: number) => RunResult | undefined = () => undefined;
  readonly rtnetlink = new FakeRtnetlink((call) => void this.#record(call));
  readonly nft = new FakeNft((words) => void this.#record({ words }));
  /** Flows that are tracked. */
  flows: readonly TrackedFlow[] = [];
  readonly conntrack: Conntrack = {
    list: (question) => {
      void this.#record({ words: `conntrack list ${JSON.stringify(question)}` });
      return this.flows.filter((flow) => isMeant(flow, question));
    },
    forget: (question) => {
      void this.#record({ words: `conntrack forget ${JSON.stringify(question)}` });
      this.flows = this.flows.filter((flow) => !isMeant(flow, question));
    },
  };
  /** Files of /proc and /sys that are not links. */
  readonly files = new Map<string, string>([
    ['/proc/sys/net/ipv4/ip_forward', '0'],
    ['/proc/sys/net/ipv6', ''],
  ]);
  /** Settings of namespaces of containers: path below /proc/sys/net -> value. */
  readonly settings = new Map<string, string>();
  /** Whether /proc/sys can be read only. */
  isReadOnly = false;

  readonly proc: ProcFiles = {
    exists: (path) => this.files.has(path) || this.#linkOf(path) !== undefined,
    read: (path) => this.files.get(path),
    list: (path) => [
      ...new Set([
        ...[...this.files.keys()].flatMap((name) =>
          name.startsWith(`${path}/`) ? [name.slice(path.length + 1).split('/')[0] ?? ''] : [],
        ),
        ...(path === '/proc/sys/net/ipv4/conf' ? [...this.rtnetlink.in('').values()].map(({ name }) => name) : []),
      ]),
    ],
    write: (path, text) => {
      this.#refuseReadOnly();
      this.files.set(path, text);
    },
  };

  inNetns<T>(netns: string, work: (proc: ProcFiles) => T): T {
    void this.#record({ words: `visit ${netns}`, netns });
    const keyOf = (path: string): string => path.slice('/proc/sys/net/'.length);
    return work({
      exists: (path) => this.settings.has(keyOf(path)),
      // Every setting exists.
      read: (path) => this.settings.get(keyOf(path)) ?? 'untouched',
      list: () => [],
      write: (path, text) => {
        this.#refuseReadOnly();
        this.settings.set(keyOf(path), text);
      },
    });
  }

  readonly run = (file: string, args: readonly string[], _options: RunOptions = {}): Promise<RunResult> =>
    Promise.resolve(this.#record({ words: [file, ...args].join(' ') }) ?? SUCCESS);

  #record(call: FakeCall): RunResult | undefined {
    return this.intercept(call, this.calls.push(call) - 1);
  }

  #refuseReadOnly(): void {
    if (this.isReadOnly) throw new Error('EROFS: read-only file system');
  }

  #linkOf(path: string): FakeLink | undefined {
    const name = /^(?:\/proc\/sys\/net\/ipv4\/conf|\/sys\/class\/net)\/([^/]+)$/.exec(path)?.[1];
    return name === undefined ? undefined : this.rtnetlink.find('', name);
  }
}
