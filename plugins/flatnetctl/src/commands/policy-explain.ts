import type { Command } from 'commander';
import { coloured, printable, renderJson, renderTable } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import { explain } from '../policy/explain/explain.ts';
import type { Explained, Place } from '../policy/explain/hop.ts';
import { parsePort } from '../policy/explain/port.ts';
import type { World } from '../world.ts';
import { placesFor, withOutput, withPlaces, type OutputOption } from './options.ts';

const HELP = `
FROM and TO are a container's name, alias or id, a network (all its containers), an address, \`internet\` or \`host\`.
PORT is 80 or 53/udp. The rules are those of this moment in the kernel, of other programs too, and no packet is sent.
A connection to a published port of the host is followed to its container. \`policy test\` sends packets.

Examples:
  flatnetctl policy explain web db 5432
  flatnetctl policy explain internet host 8080
  flatnetctl policy explain web 203.0.113.9 53/udp -o json`;

/** `policy explain`: why does it pass, or not? */
export function addExplain(policy: Command, world: World): void {
  withOutput(withPlaces(policy.command('explain <from> <to> <port>')))
    .description('which rule decides about a connection, hop by hop')
    .addHelpText('after', HELP)
    .action(async (from: string, to: string, port: string, options: PlaceOptions & OutputOption) => {
      const asked = parsePort(port);
      const explained = await explain(world, placesFor(world, options), { from, to, asked });
      world.out(
        options.output === 'json' ? renderJson(explained) : explained.map((each) => render(world, each)).join(''),
      );
    });
}

const COLOURS = { passes: 'green', refused: 'red', dropped: 'red', unknown: 'yellow' } as const;

function render(world: World, { from, to, protocol, port, verdict, hops }: Explained): string {
  const head = printable(`${placeWords(from)} -> ${placeWords(to)} ${protocol} ${port}`);
  const rows = hops.map((hop) => ['', hop.where, hop.by, hop.because, hop.verdict]);
  return `${head}: ${coloured(world, COLOURS[verdict], verdict)}\n${renderTable(['', '', '', '', ''], rows, false)}`;
}

const placeWords = ({ name, network, address }: Place): string =>
  `${name}${network === undefined ? '' : ` of ${network}`}${name === address ? '' : ` (${address})`}`;
