import type { Command } from 'commander';
import { attachContainer, detachContainer } from '../hook/run-hook.ts';
import { parseState, taskOf } from '../hook/state.ts';
import { ANNOTATIONS, attachmentsOf, type HookOptions } from '../hook/wishes.ts';
import { withInterrupts } from '../interrupt.ts';
import { factsOf } from '../network/describe.ts';
import { printable, renderJson } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import { policiesByAttachment } from '../policy/of-attachment.ts';
import type { World } from '../world.ts';
import { collect, placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

const HELP = `
The container's state comes on stdin, as the OCI runtime specification has it: a container that is being created is
attached, a stopped one is detached. In config.json of the container (configs/oci-hook.json has it whole):

  "hooks": {
    "createRuntime": [{ "path": "/usr/local/bin/flatnetctl",
                        "args": ["flatnetctl", "hook", "--network", "web", "-p", "8080:80"] }],
    "poststop":      [{ "path": "/usr/local/bin/flatnetctl",
                        "args": ["flatnetctl", "hook", "--network", "web"] }]
  }

The first word of "args" must be flatnetctl. Instead of options the container may have annotations:
${Object.values(ANNOTATIONS).join(', ')}. Several values are separated by commas.`;

type Options = HookOptions & PlaceOptions & OutputOption & { readonly dryRun: boolean };

/** `hook`: networks for a raw runc, crun or youki container. */
export function addHookCommand(program: Command, world: World): void {
  withOutput(withDryRun(withPlaces(program.command('hook'))))
    .description('OCI hook (createRuntime and poststop): attaches the container whose state is on stdin')
    .option('--network <name[:ifname]>', 'attach to this network; repeatable', collect, [])
    .option('--ip <address>', 'ask for this address on the first network; repeatable', collect, [])
    .option('--mac <address>', 'ask for this MAC address on the first network')
    .option('-p, --publish <mapping>', '[HOSTIP:]HOSTPORT:CONTAINERPORT[/PROTO]; repeatable', collect, [])
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const state = parseState(world.stdin());
      const places = placesFor(world, options);
      const task = taskOf(state);
      const wanted = attachmentsOf(options, state);
      if (options.dryRun) {
        if (options.output === 'json') return world.out(renderJson({ task, containerId: state.id, networks: wanted }));
        return wanted.forEach(({ network, ifName }) =>
          world.out(
            printable(`would ${task} ${state.id} (${ifName}) ${task === 'attach' ? 'to' : 'from'} ${network}`) + '\n',
          ),
        );
      }
      const done = await withInterrupts(world, (interrupted) =>
        task === 'attach'
          ? attachContainer(world, places, state, wanted, interrupted)
          : detachContainer(world, places, state, wanted),
      );
      const policiesOf = policiesByAttachment(world);
      if (options.output === 'json') {
        const networks = done.map((cached) => ({
          ...{ network: cached.network, ...factsOf(cached) },
          ...(task === 'attach' ? { policies: policiesOf(cached.network, cached) } : {}),
        }));
        return world.out(renderJson({ task, containerId: state.id, networks }));
      }
      done.forEach((cached) =>
        world.out(
          printable(
            `${task}ed ${state.id} (${cached.ifName}) ${cached.network} ${factsOf(cached).addresses.join(' ')}${policyWords(
              task === 'attach' ? policiesOf(cached.network, cached) : [],
            )}`,
          ) + '\n',
        ),
      );
    });
}

const policyWords = (names: readonly string[]): string => (names.length === 0 ? '' : ` (policies ${names.join(', ')})`);
