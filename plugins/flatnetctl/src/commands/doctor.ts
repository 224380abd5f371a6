import type { Command } from 'commander';
import { CHECKS, type Finding } from '../doctor/checks.ts';
import { Exit, OperatorError } from '../failure.ts';
import { coloured, printable, renderJson } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import type { World } from '../world.ts';
import { placesFor, withOutput, withPlaces, type OutputOption } from './options.ts';

const MARKS = { ok: ['ok     ', 'green'], warning: ['warning', 'yellow'], failed: ['failed ', 'red'] } as const;

/** `doctor`: looks, changes nothing, and says for each trouble what mends it. */
export function addDoctorCommand(program: Command, world: World): void {
  withOutput(withPlaces(program.command('doctor')))
    .description('check host, tools, configuration and leases; exit code 1 if something failed')
    .action(async (options: PlaceOptions & OutputOption) => {
      const places = placesFor(world, options);
      const findings: Finding[] = [];
      for (const check of CHECKS) {
        const found = await check(world, places);
        findings.push(...found);
        if (options.output === 'table') world.out(found.map((finding) => render(world, finding)).join(''));
      }
      if (options.output === 'json') world.out(renderJson(findings));
      if (findings.some(({ state }) => state === 'failed')) throw new OperatorError(Exit.problem, '', '');
    });
}

function render(world: World, { check, state, reason, repair }: Finding): string {
  const [mark, colour] = MARKS[state];
  const line = `${coloured(world, colour, mark)} ${check}: ${printable(reason)}\n`;
  return repair === undefined ? line : `${line}        repair: ${printable(repair)}\n`;
}
