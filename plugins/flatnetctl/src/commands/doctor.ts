import type { Command } from 'commander';
import { CHECKS } from '../doctor/checks.ts';
import { failed, type Check, type Finding } from '../doctor/finding.ts';
import { errnoOf, Exit, OperatorError } from '../failure.ts';
import { coloured, printable, renderJson } from '../output.ts';
import type { PlaceOptions, Places } from '../places.ts';
import type { World } from '../world.ts';
import { placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

const MARKS = { ok: ['ok     ', 'green'], warning: ['warning', 'yellow'], failed: ['failed ', 'red'] } as const;

interface DoctorOptions extends PlaceOptions, OutputOption {
  readonly fix: boolean;
  readonly dryRun: boolean;
}

/** A finding, and what became of its repair. */
interface Told extends Finding {
  readonly fixed?: boolean;
}

/**
 * `doctor`: looks, and says for each trouble what mends it; `--fix` does it where it can do no harm.
 *
 * @param again runs a command line of flatnetctl, and answers its exit code.
 */
export function addDoctorCommand(
  program: Command,
  world: World,
  again: (args: readonly string[]) => Promise<number>,
): void {
  withDryRun(withOutput(withPlaces(program.command('doctor'))))
    .description('check host, tools, configuration and leases; exit code 1 if something failed')
    .option('--fix', 'mend what can be mended without harm: forwarding, leases of dead containers', false)
    .addHelpText(
      'after',
      '\nEach line is ok, warning or failed, with a reason and a repair. Warnings leave the exit code 0.',
    )
    .action(async (options: DoctorOptions) => {
      const places = placesFor(world, options);
      const told: Told[] = [];
      for (const [name, check] of CHECKS) {
        for (const finding of await findingsOf(name, check, world, places)) {
          const really = options.fix && !options.dryRun && finding.fix !== undefined;
          const one = really ? { ...finding, fixed: await mend(world, places, finding.fix ?? [], again) } : finding;
          told.push(one);
          if (options.output === 'table') world.out(render(world, one, options.fix && options.dryRun));
        }
      }
      if (options.output === 'json') world.out(renderJson(told));
      if (told.some(({ state, fixed }) => state === 'failed' && fixed !== true)) {
        throw new OperatorError(Exit.problem, '', '');
      }
    });
}

/** A check that cannot be made must not keep the others from being told. */
async function findingsOf(name: string, check: Check, world: World, places: Places): Promise<readonly Finding[]> {
  try {
    return await check(world, places);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const mends = errnoOf(error) === 'EACCES' ? 'run it as root' : 'flatnetctl logs --errors';
    return [failed(name, reason, error instanceof OperatorError ? error.next : mends)];
  }
}

async function mend(
  world: World,
  { netDir, cniPath, cacheDir }: Places,
  [file = '', ...args]: readonly string[],
  again: (args: readonly string[]) => Promise<number>,
): Promise<boolean> {
  if (file !== 'flatnetctl') return (await world.run(file, args)).exitCode === 0;
  const where = ['--net-dir', netDir, '--cni-path', cniPath.join(':'), '--cache-dir', cacheDir];
  return (await again([...args, ...where])) === 0;
}

function render(world: World, { check, state, reason, repair, fix, fixed }: Told, would: boolean): string {
  const [mark, colour] = MARKS[state];
  const line = `${coloured(world, colour, mark)} ${printable(check)}: ${printable(reason)}\n`;
  if (repair === undefined) return line;
  const word =
    fixed === true ? 'fixed: ' : fixed === false ? 'repair failed: ' : would && fix ? 'would run: ' : 'repair: ';
  return `${line}        ${word}${printable(repair)}\n`;
}
