import type { Argument, Command, Option } from 'commander';

/** One way to go on, and what it means. */
export interface Candidate {
  readonly text: string;
  readonly about: string;
}

/**
 * What may stand at the end of a command line, read from the program itself. Empty: a file name, or nothing that we know.
 *
 * @param words what was typed after `flatnetctl`; the last one is unfinished, and may be empty.
 */
export function candidatesFor(
  program: Command,
  words: readonly string[],
  networks: () => readonly string[],
): readonly Candidate[] {
  const partial = words.at(-1) ?? '';
  const { command, waiting, position } = walk(program, words.slice(0, -1));
  return possible(command, waiting, position, partial, networks).filter(({ text }) => text.startsWith(partial));
}

interface Place {
  readonly command: Command;
  /** The option whose value comes next. */
  readonly waiting: Option | undefined;
  /** How many arguments the command has already. */
  readonly position: number;
}

function walk(program: Command, words: readonly string[]): Place {
  let place: Place = { command: program, waiting: undefined, position: 0 };
  for (const word of words) {
    const { command, waiting, position } = place;
    const option = command.options.find(({ short, long }) => word === short || word === long);
    const child = command.commands.find((known) => known.name() === word || known.aliases().includes(word));
    if (waiting !== undefined) place = { ...place, waiting: undefined };
    else if (option !== undefined) place = { ...place, waiting: option.required ? option : undefined };
    else if (word.startsWith('-')) continue;
    else if (child !== undefined) place = { command: child, waiting: undefined, position: 0 };
    else place = { ...place, position: position + 1 };
  }
  return place;
}

function possible(
  command: Command,
  waiting: Option | undefined,
  position: number,
  partial: string,
  networks: () => readonly string[],
): readonly Candidate[] {
  if (waiting !== undefined) {
    const values = waiting.long === '--network' ? networks() : (waiting.argChoices ?? []);
    return values.map((text) => ({ text, about: '' }));
  }
  const help = command.createHelp();
  if (partial.startsWith('-')) {
    return help.visibleOptions(command).map((option) => ({
      text: option.long ?? option.short ?? '',
      about: option.description,
    }));
  }
  const children = help.visibleCommands(command).map((child) => ({ text: child.name(), about: child.description() }));
  if (children.length > 0) return children;
  const argument = command.registeredArguments[Math.min(position, command.registeredArguments.length - 1)];
  if (argument === undefined || (position > 0 && !argument.variadic)) return [];
  const values = isNetwork(command, argument) ? networks() : (argument.argChoices ?? []);
  return values.map((text) => ({ text, about: '' }));
}

/** `network create` is the one that wants a name that is free. */
const isNetwork = (command: Command, argument: Argument): boolean =>
  argument.name() === 'network' || (command.parent?.name() === 'network' && command.name() !== 'create');
