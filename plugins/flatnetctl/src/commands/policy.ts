import type { Command } from 'commander';
import { problem } from '../failure.ts';
import { printListing } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import { applyPolicies } from '../policy/apply.ts';
import { listPolicies } from '../policy/list-policies.ts';
import type { World } from '../world.ts';
import { addExplain } from './policy-explain.ts';
import { addPolicyTest } from './policy-test.ts';
import { placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

/** `policy show`, `apply`, `explain` and `test`: what holds for containers. */
export function addPolicyCommands(program: Command, world: World): void {
  const policy = program.command('policy').description('what containers may reach, and what may reach them');
  addShow(policy, world);
  addApply(policy, world);
  addExplain(policy, world);
  addPolicyTest(policy, world);
}

const SHOW_HELP = `
INGRESS is what reaches the container and EGRESS what it reaches: open, nothing, or a list. REFUSED counts packets, of
all containers for which the same holds. Exit code 1 when rules are missing in the kernel.

Example:
  flatnetctl policy show db`;

function addShow(policy: Command, world: World): void {
  withOutput(policy.command('show [network|container]'))
    .description('isolation and policies of each container, by which policy, and what they refused')
    .option('-n, --noheading', 'without the heading', false)
    .addHelpText('after', SHOW_HELP)
    .action(async (which: string | undefined, { output, noheading }: OutputOption & { noheading: boolean }) => {
      const entries = await listPolicies(world, which);
      if (which !== undefined && entries.length === 0)
        throw problem(`no network and no container ${which} has policies`, 'flatnetctl policy show');
      printListing(world, output, {
        header: ['NETWORK', 'CONTAINER', 'ISOLATION', 'INGRESS', 'EGRESS', 'POLICIES', 'REFUSED', 'STATE'],
        rows: entries.map(({ network, names, containerId, isolation, ingress, egress, policies, refused, state }) => [
          ...[network, names[0] ?? containerId.slice(0, 12), isolation, ingress, egress, policies.join(',')],
          ...[String((refused.ingress ?? 0) + (refused.egress ?? 0)), state],
        ]),
        json: entries,
        noHeading: noheading,
      });
      const missing = entries.find(({ state }) => state === 'missing');
      if (missing !== undefined) throw problem(missing.missing.join('; '), 'flatnetctl rules reload');
    });
}

const APPLY_HELP = `
Running containers follow from their next packet on, without a restart. A file that means nothing changes nothing.

Example:
  flatnetctl policy apply web`;

function addApply(policy: Command, world: World): void {
  withDryRun(withPlaces(policy.command('apply <network>')))
    .description("give running containers what the network's file says now")
    .addHelpText('after', APPLY_HELP)
    .action(async (network: string, options: PlaceOptions & { dryRun: boolean }) => {
      const followers = await applyPolicies(world, placesFor(world, options), network, options.dryRun);
      for (const name of followers) world.out(`${options.dryRun ? 'would apply' : 'applied'} to ${name}\n`);
      if (followers.length === 0) world.out(`network ${network} has no running container\n`);
    });
}
