/** The fake of this lib: a kernel in memory that understands the batches and listings flatnet sends, and fails where a test says. */
import type { RunOptions, RunResult } from '@flatnet/exec';
import { FakeLinks, FakeRefusal, listed, type FakeLink } from './fake-links.ts';
import { FakeNft } from './fake-nft.ts';
import type { CommandKernel } from './kernel.ts';
import type { ProcFiles } from './proc.ts';

export { FakeNft } from './fake-nft.ts';
export { FakeLinks, type FakeLink } from './fake-links.ts';

/** One program that was run, with the namespace it ran in and its input. */
export interface FakeCall {
  readonly line: string;
  readonly input: string;
}

const ended = (exitCode: number, stdout = '', stderr = ''): RunResult => ({ exitCode, stdout, stderr, ending: 'exit' });

export class FakeKernel implements CommandKernel {
  readonly links = new FakeLinks();
  readonly calls: FakeCall[] = [];
  /** Files of /proc and /sys that are not links. */
  readonly files = new Map<string, string>([
    ['/proc/sys/net/ipv4/ip_forward', '0'],
    ['/proc/sys/net/ipv6', ''],
  ]);
  /** What sysctl(8) was given. */
  readonly sysctls: string[] = [];
  /** Whether /proc/sys can be read only. */
  isReadOnly = false;
  readonly nft = new FakeNft();
  /** Answers a call in the kernel's place; undefined lets the kernel answer. */
  intercept: (call: FakeCall, index: number) => RunResult | Promise<RunResult> | undefined = () => undefined;

  readonly proc: ProcFiles = {
    exists: (path) => this.files.has(path) || this.#linkOf(path) !== undefined,
    read: (path) => this.files.get(path),
    list: (path) => [
      ...new Set([
        ...[...this.files.keys()].flatMap((name) =>
          name.startsWith(`${path}/`) ? [name.slice(path.length + 1).split('/')[0] ?? ''] : [],
        ),
        ...(path === '/proc/sys/net/ipv4/conf' ? [...this.links.in('').values()].map(({ name }) => name) : []),
      ]),
    ],
    write: (path, text) => {
      if (this.isReadOnly) throw new Error('EROFS: read-only file system');
      this.files.set(path, text);
    },
  };

  readonly run = async (file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
    const input = options.input === undefined ? '' : Buffer.from(options.input).toString();
    const call = { line: [file, ...args].join(' '), input };
    const index = this.calls.push(call) - 1;
    return (await this.intercept(call, index)) ?? this.#answer(file, args, input);
  };
  readonly runAside = this.run;

  #linkOf(path: string): FakeLink | undefined {
    const name = /^(?:\/proc\/sys\/net\/ipv4\/conf|\/sys\/class\/net)\/([^/]+)$/.exec(path)?.[1];
    return name === undefined ? undefined : this.links.find('', name);
  }

  #answer(file: string, args: readonly string[], input: string, netns = ''): RunResult {
    if (file === 'nsenter') {
      const [where = '', , inner = '', ...rest] = args;
      return this.#answer(inner, rest, input, where.slice('--net='.length));
    }
    if (file === 'ip' && args[0] === '-n') return this.#answer(file, args.slice(2), input, `/run/netns/${args[1]}`);
    if (file === 'ip' && args.includes('-batch')) return this.#batch(netns, input);
    if (file === 'ip') return this.#listing(netns, args);
    if (file === 'sysctl') return this.#sysctl(args);
    return file === 'nft' ? this.nft.run(args.filter((word) => !word.startsWith('-'))) : ended(0);
  }

  #batch(netns: string, input: string): RunResult {
    let printed = '';
    for (const [index, line] of input.trim().split('\n').entries()) {
      try {
        printed += this.links.execute(netns, line.split(' '));
      } catch (error) {
        if (!(error instanceof FakeRefusal)) throw error;
        return ended(1, printed, `${error.message}\nCommand failed -:${index + 1}\n`);
      }
    }
    return ended(0, printed);
  }

  #sysctl(args: readonly string[]): RunResult {
    const words = args.filter((word) => !word.startsWith('-'));
    if (!args.includes('-w')) {
      const present = new Map(this.sysctls.map((word) => word.split('=') as [string, string]));
      const lines = words.map((word) => `${word.replaceAll('/', '.')} = ${present.get(word) ?? 'untouched'}\n`);
      return ended(0, lines.join(''));
    }
    if (this.isReadOnly) return ended(255, '', 'sysctl: setting key: Read-only file system');
    this.sysctls.push(...words);
    return ended(0);
  }

  #listing(netns: string, args: readonly string[]): RunResult {
    if (args.includes('rule')) return ended(0);
    if (args.includes('route')) {
      const table = args.includes('table') ? args[args.indexOf('table') + 1] : 'main';
      const routes = this.links.listRoutes(netns, args.includes('-6') ? 6 : 4, table ?? 'main');
      return ended(
        0,
        JSON.stringify(
          args.includes('exact') ? routes.filter((route) => 'dst' in route && route.dst === 'default') : routes,
        ),
      );
    }
    const name = args.includes('dev') ? args.at(-1) : undefined;
    const links = [...this.links.in(netns).values()].filter((link) => name === undefined || link.name === name);
    if (name !== undefined && links.length === 0) return ended(1, '', `Device "${name}" does not exist.`);
    return ended(0, JSON.stringify(links.map(listed)));
  }
}
