import { existsSync } from 'node:fs';
import { figure, inTurn, progress, ratio, type Section } from '../bench.ts';
import { FLATNET } from '../peers.ts';
import { mediansMs } from '../sample.ts';
import { makeNetns, Sandbox } from '../sandbox.ts';
import { CniSide, networkOf } from '../sides/cni.ts';
import { container, published } from '../sides/side.ts';

/** A chain without names or with them; milliseconds of one more ADD, which returns when the name resolves, and of its DEL. */
export interface NamesFigures {
  readonly what: 'without names' | 'with names';
  readonly add: number;
  readonly del: number;
}

/** Undefined where dnsmasq is not installed. */
export async function names(rounds: number, budgetMs: number): Promise<readonly NamesFigures[] | undefined> {
  if (!existsSync('/usr/sbin/dnsmasq')) return undefined;
  progress('names: the chain without and with flatnet-dns');
  const sides = (['without names', 'with names'] as const).map((what, at) => {
    const sandbox = new Sandbox(`names${at}`);
    const network = networkOf(FLATNET, sandbox.name, { full: true });
    const plugins = at === 0 ? network.plugins : [...network.plugins, { type: 'flatnet-dns' }];
    makeNetns([`names${at}-stays`, `names${at}-comes`]);
    return { what, at, side: new CniSide(FLATNET.name, sandbox, { ...network, plugins }, []) };
  });
  for (const { side, at } of sides) await side.attach(container(`names${at}-stays`, 2, published(9000)));
  const samples = await inTurn(sides, rounds, budgetMs, async ({ side, at }) => {
    const comes = container(`names${at}-comes`, 3, published(9001));
    return { add: await side.attach(comes), del: await side.detach(comes) };
  });
  // Its dnsmasq ends with the last one.
  for (const { side, at } of sides) {
    await side.detach(container(`names${at}-stays`, 2, published(9000)));
    side.sandbox.stop();
  }
  const of = (verb: 'add' | 'del') => mediansMs(sides.map((side) => samples.get(side)!.map((sample) => sample[verb])));
  const [adds, dels] = [of('add'), of('del')];
  return sides.map(({ what }, at) => ({ what, add: adds[at]!, del: dels[at]! }));
}

export const namesSection = (rows: readonly NamesFigures[] | undefined): Section => ({
  title: 'Cost of names',
  about:
    rows === undefined
      ? 'dnsmasq is not installed.'
      : 'The chain with one published port and masquerade, and the same followed by flatnet-dns, whose server runs already: it reads its names ' +
        'again, and ADD returns when it has answered with the new one. Milliseconds.',
  tables: [
    {
      head: ['', 'ADD, ms', 'DEL, ms', 'ADD more', 'DEL more', 'against without'],
      rows: (rows ?? []).map(({ what, add, del }) => {
        const without = rows![0]!;
        const more = (value: number): string => (what === without.what ? '' : figure(value));
        return [
          ...[what, figure(add), figure(del), more(add - without.add), more(del - without.del)],
          what === without.what ? '' : `${ratio(add, without.add)}, ${ratio(del, without.del)}`,
        ];
      }),
    },
  ],
});
