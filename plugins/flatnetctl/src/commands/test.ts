import { type Command } from 'commander';
import { Exit, OperatorError, problem } from '../failure.ts';
import { coloured, printable, renderJson } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import { runTest, type StepResult } from '../selftest/run-test.ts';
import { STEPS } from '../selftest/steps.ts';
import type { World } from '../world.ts';
import { placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';
import { addProbe } from './probe.ts';

const HELP = `
Two throw-away namespaces are attached to the network (a throw-away one unless --network names one), and a third stands
for the outside world. No container image is needed, and whatever was made is removed, also after Ctrl-C.

Examples:
  flatnetctl test
  flatnetctl test --network web
  flatnetctl test --driver`;

type Options = PlaceOptions &
  OutputOption & { readonly network?: string; readonly driver: boolean; readonly dryRun: boolean };

/** `test`: does it work on this host? */
export function addTestCommand(program: Command, world: World): void {
  withOutput(withDryRun(withPlaces(program.command('test'))))
    .description(
      'try the real chain on this host: addresses, ways in and out, a published port, and that nothing is left',
    )
    .option('--network <name>', 'try this network: two of its addresses are taken for a moment')
    .option('--driver', 'as Podman 5 and 6 do it: by netavark’s driver flatnet', false)
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      if (options.dryRun) return STEPS.forEach(([step]) => world.out(`would try ${step}\n`));
      const isTable = options.output === 'table';
      const results = await runTest(world, placesFor(world, options), options, (result) => {
        if (isTable) world.out(render(world, result));
      });
      if (!isTable) world.out(renderJson(results));
      const failed = results.filter(({ state }) => state === 'failed');
      if (failed.length === 0) return;
      if (!isTable) throw new OperatorError(Exit.problem, '', '');
      throw problem(`${failed.length} of ${results.length} steps failed`, failed[0]?.next || 'flatnetctl doctor');
    });
  addProbe(program, world);
}

const MARKS = { ok: ['ok     ', 'green'], skipped: ['skipped', 'yellow'], failed: ['failed ', 'red'] } as const;

function render(world: World, { step, state, reason, ms }: StepResult): string {
  const [mark, colour] = MARKS[state];
  return `${coloured(world, colour, mark)} ${step}: ${printable(reason)} (${ms} ms)\n`;
}
