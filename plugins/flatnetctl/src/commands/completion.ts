import { Argument, type Command } from 'commander';
import { candidatesFor } from '../completion/candidates.ts';
import { HOMES, SCRIPTS } from '../completion/scripts.ts';
import { readDirectory } from '../conflist/directory.ts';
import { OperatorError } from '../failure.ts';
import { printable } from '../output.ts';
import { placesOf } from '../places.ts';
import type { World } from '../world.ts';

/** `completion`, and the hidden command that the scripts ask. */
export function addCompletionCommands(program: Command, world: World): void {
  const homes = Object.entries(HOMES).map(([shell, path]) => `  flatnetctl completion ${shell} > ${path}`);
  program
    .command('completion')
    .description('print what makes a shell complete commands, options and networks')
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', `\nExamples:\n  source <(flatnetctl completion bash)\n${homes.join('\n')}`)
    .action((shell: keyof typeof SCRIPTS) => world.out(SCRIPTS[shell]));

  program.command('__complete [words...]', { hidden: true }).action((words: string[]) => {
    for (const { text, about } of candidatesFor(program, words, () => networkNames(world))) {
      world.out(`${text}\t${printable(about)}\n`);
    }
  });
}

/** A key press asks for names, not for an error. */
function networkNames(world: World): readonly string[] {
  try {
    return readDirectory(placesOf({}, world.env).netDir).files.map(({ network }) => network.name);
  } catch (error) {
    if (error instanceof OperatorError) return [];
    throw error;
  }
}
