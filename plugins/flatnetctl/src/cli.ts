import { Command, CommanderError, Help, type Option } from 'commander';
import { addAttachCommands } from './commands/attach.ts';
import { addCompletionCommands } from './commands/completion.ts';
import { addDnsCommands } from './commands/dns.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addHealCommand } from './commands/heal.ts';
import { addHookCommand } from './commands/hook.ts';
import { addInstallCommands } from './commands/install.ts';
import { addIpamCommands } from './commands/ipam.ts';
import { addLimitCommands } from './commands/limit.ts';
import { addLogsCommand } from './commands/logs.ts';
import { addNetworkCommands } from './commands/network.ts';
import { addPauseCommands } from './commands/pause.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addRulesCommands } from './commands/rules.ts';
import { addSchemaCommand } from './commands/schema.ts';
import { addTestCommand } from './commands/test.ts';
import { Exit, OperatorError } from './failure.ts';
import { coloured, printable } from './output.ts';
import { leaveLostDirectory, refuseRelativePaths } from './working-directory.ts';
import type { World } from './world.ts';

const HELP = `
Exit codes: 0 ok, 1 problem found, 2 usage, 3 environment.

First steps:
  flatnetctl install              put the plugins where runtimes look
  flatnetctl network create web   write /etc/cni/net.d/web.conflist
  podman run --network web ...`;

export function buildProgram(world: World): Command {
  const program = new Command('flatnetctl')
    .description('What an operator of flatnet has in hand: networks, attachments, leases, repairs.')
    .version('0.1.0')
    .addHelpText('after', HELP)
    .exitOverride()
    .configureHelp({ optionDescription })
    .configureOutput({ writeOut: world.out, writeErr: world.err });
  addInstallCommands(program, world);
  addNetworkCommands(program, world);
  addAttachCommands(program, world);
  addHookCommand(program, world);
  addIpamCommands(program, world);
  addRulesCommands(program, world);
  addLimitCommands(program, world);
  addDnsCommands(program, world);
  addPolicyCommands(program, world);
  addHealCommand(program, world);
  addPauseCommands(program, world);
  addTestCommand(program, world);
  addDoctorCommand(program, world, (args) => runCli(args, { ...world, out: world.err }));
  addLogsCommand(program, world);
  addSchemaCommand(program, world);
  addCompletionCommands(program, world);
  inherit(program);
  return program;
}

/** A default of no and of nothing goes without saying. */
function optionDescription(option: Option): string {
  const { defaultValue, description } = option;
  const isNone = defaultValue === false || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return isNone ? description : new Help().optionDescription(option);
}

/** commander hands its settings down only to subcommands made after them; ours are made by several files. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inherit(child);
  }
}

/** Runs one command line and answers the exit code; every failure is told on stderr with one next step. */
export async function runCli(args: readonly string[], world: World): Promise<number> {
  try {
    const program = buildProgram(world);
    if (leaveLostDirectory()) program.hook('preAction', (_, command) => refuseRelativePaths(command));
    await program.parseAsync([...args], { from: 'user' });
    return Exit.ok;
  } catch (error) {
    return tell(world, error);
  }
}

function tell(world: World, error: unknown): number {
  // commander has told its own by itself.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return Exit.ok;
    world.err('Next:  flatnetctl help, or --help after a command\n');
    return Exit.usage;
  }
  if (error instanceof OperatorError) {
    if (error.message === '') return error.exit;
    world.err(`${coloured(world, 'red', 'Error:')} ${printable(error.message)}\nNext:  ${printable(error.next)}\n`);
    return error.exit;
  }
  const words = error instanceof Error ? error.message : String(error);
  world.err(`${coloured(world, 'red', 'Error:')} ${printable(words)}\nNext:  flatnetctl doctor\n`);
  return Exit.environment;
}
