import { existsSync } from 'node:fs';
import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { AARDVARK, DNSNAME, FLATNET, NETAVARK, REFERENCE } from '../peers.ts';
import { mediansMs } from '../sample.ts';
import { makeNetns, Sandbox } from '../sandbox.ts';
import { CniSide, networkOf, type Maker } from '../sides/cni.ts';
import { NetavarkSide } from '../sides/netavark.ts';
import { container, published, type Side } from '../sides/side.ts';

/** A chain without names or with them; milliseconds of one more ADD, and of its DEL. */
export interface NamesFigures {
  readonly by: string;
  readonly what: 'without names' | 'with names';
  readonly add: number;
  readonly del: number;
}

type What = NamesFigures['what'];
type Making = readonly [by: string, make: (what: What, sandbox: Sandbox) => Side];

const cni =
  (maker: Maker, dns: Readonly<Record<string, unknown>>): Making[1] =>
  (what, sandbox) => {
    const network = networkOf(maker, sandbox.name, { full: true });
    const plugins = what === 'without names' ? network.plugins : [...network.plugins, dns];
    return new CniSide(maker.name, sandbox, { ...network, plugins }, []);
  };

/** Each that is installed: who gives names, and a side without and with them. */
const makings = (): readonly Making[] => [
  ...(existsSync('/usr/sbin/dnsmasq') ? [['flatnet-dns', cni(FLATNET, { type: 'flatnet-dns' })] as const] : []),
  ...(REFERENCE === undefined || DNSNAME === undefined || !existsSync('/usr/sbin/dnsmasq')
    ? []
    : [['reference and dnsname', cni(REFERENCE, { type: 'dnsname', domainName: 'dns.podman' })] as const]),
  ...(NETAVARK === undefined || AARDVARK === undefined
    ? []
    : [
        [
          'netavark and aardvark-dns',
          (what: What, sandbox: Sandbox) =>
            new NetavarkSide(sandbox, NETAVARK!, 'netavark', what === 'with names' ? { aardvark: AARDVARK! } : {}),
        ] as const,
      ]),
];

/** Undefined where nothing that gives names is installed. */
export async function names(rounds: number, budgetMs: number): Promise<readonly NamesFigures[] | undefined> {
  const made = makings();
  if (made.length === 0) return undefined;
  progress('names: chains without and with names');
  const sides = made
    .flatMap(([by, make]) => (['without names', 'with names'] as const).map((what) => ({ by, what, make })))
    .map(({ make, ...rest }, at) => {
      const sandbox = new Sandbox(`names${at}`);
      makeNetns([`names${at}-stays`, `names${at}-comes`]);
      return { ...rest, at, side: make(rest.what, sandbox) };
    });
  for (const { side, at } of sides) await side.attach(container(`names${at}-stays`, 2, published(9000)));
  const samples = await inTurn(sides, rounds, budgetMs, async ({ side, at }) => {
    const comes = container(`names${at}-comes`, 3, published(9001));
    return { add: await side.attach(comes), del: await side.detach(comes) };
  });
  // The engine of a network ends with the last one.
  for (const { side, at } of sides) {
    await side.detach(container(`names${at}-stays`, 2, published(9000)));
    side.sandbox.stop();
  }
  const of = (verb: 'add' | 'del') => mediansMs(sides.map((side) => samples.get(side)!.map((sample) => sample[verb])));
  const [adds, dels] = [of('add'), of('del')];
  return sides.map(({ by, what }, at) => ({ by, what, add: adds[at]!, del: dels[at]! }));
}

export const namesSection = (rows: readonly NamesFigures[] | undefined): Section => ({
  title: 'Cost of names',
  about:
    rows === undefined
      ? 'Neither dnsmasq nor aardvark-dns is installed.'
      : 'The chain with one published port and masquerade, and the same with names, whose engine runs already. An ADD of flatnet-dns returns when ' +
        'the engine has answered with the new name; the others return when they have told it to read its files again. Milliseconds.',
  tables: [
    {
      head: ['', '', 'ADD, ms', 'DEL, ms', 'ADD more', 'DEL more', 'against without'],
      rows: (rows ?? []).map(({ by, what, add, del }) => {
        const without = rows!.find((row) => row.by === by && row.what === 'without names')!;
        const more = (value: number): string => (what === without.what ? '' : figure(value));
        return [
          ...[by, what, figure(add), figure(del), more(add - without.add), more(del - without.del)],
          what === without.what ? '' : `${ratio(add, without.add)}, ${ratio(del, without.del)}`,
        ];
      }),
    },
  ],
});
