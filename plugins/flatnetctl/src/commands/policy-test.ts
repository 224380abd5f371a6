import type { Command } from 'commander';
import { Exit, OperatorError } from '../failure.ts';
import { printListing } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import { runTrial } from '../policy/trial/run-trial.ts';
import { nameOf, readWishes } from '../policy/trial/wish.ts';
import type { World } from '../world.ts';
import { placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

const HELP = `
FILE is a list of what is wanted. Ends are NAME@NETWORK (a container of that name), an address, internet or host; a
container may have aliases and pick policies. A verdict is passes, refused, dropped or blocked (either).

  [ { "from": "api@web", "to": "db@web", "port": 5432, "verdict": "passes" },
    { "from": "internet", "to": "db@web", "port": 5432, "published": true, "verdict": "dropped" },
    { "from": { "container": "job@web", "policies": ["offline"] }, "to": "203.0.113.9", "port": 53,
      "protocol": "UDP", "verdict": "blocked" } ]

The networks' files are carried out on a throw-away host, in network namespaces that are removed after, also after
Ctrl-C: running containers and the rules of this host are not touched, and firewalls of other programs are not there.
\`policy explain\` tells of those. Exit code 1 when a verdict is another.

Example:
  flatnetctl policy test wanted.json`;

/** `policy test`: do the networks' files mean what is wanted? */
export function addPolicyTest(policy: Command, world: World): void {
  withOutput(withDryRun(withPlaces(policy.command('test <file>'))))
    .description('try wanted verdicts with real packets, between throw-away namespaces')
    .option('-n, --noheading', 'without the heading', false)
    .addHelpText('after', HELP)
    .action(async (file: string, options: PlaceOptions & OutputOption & { noheading: boolean; dryRun: boolean }) => {
      const wishes = readWishes(file);
      if (options.dryRun) {
        for (const { from, to, protocol, port } of wishes)
          world.out(`would ask ${nameOf(to)} at ${protocol} ${port} from ${nameOf(from)}\n`);
        return;
      }
      const tried = await runTrial(world, placesFor(world, options), wishes);
      printListing(world, options.output, {
        header: ['FROM', 'TO', 'PORT', 'IP', 'WANTED', 'FOUND', 'STATE'],
        rows: tried.map(({ from, to, port, protocol, published, family, wanted, found, state }) => [
          ...[from, to, `${port}/${protocol}${published ? ' published' : ''}`, `v${family}`, wanted, found, state],
        ]),
        json: tried,
        noHeading: options.noheading,
      });
      if (tried.some(({ state }) => state === 'failed')) throw new OperatorError(Exit.problem, '', '');
    });
}
