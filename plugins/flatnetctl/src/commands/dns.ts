import type { Command } from 'commander';
import { nameFault } from '@flatnet/dns';
import { problem, usage } from '../failure.ts';
import { askFrom } from '../names/ask-from.ts';
import { listNames } from '../names/list-names.ts';
import { printListing } from '../output.ts';
import type { World } from '../world.ts';
import { withOutput, type OutputOption } from './options.ts';

/** `dns show` and `dns test`: how containers are called, and what one of them is answered. */
export function addDnsCommands(program: Command, world: World): void {
  const dns = program.command('dns').description('names of containers');
  addShow(dns, world);
  addTest(dns, world);
}

const SHOW_HELP = `
STATE is ok, or missing (dnsmasq does not answer with the address: \`flatnetctl rules reload\`). Exit code 1 when a
name is missing.

Example:
  flatnetctl dns show web`;

function addShow(dns: Command, world: World): void {
  withOutput(dns.command('show [network]'))
    .description('names and addresses, and whether they are answered')
    .option('-n, --noheading', 'without the heading', false)
    .addHelpText('after', SHOW_HELP)
    .action(async (network: string | undefined, { output, noheading }: OutputOption & { noheading: boolean }) => {
      const entries = await listNames(world, network);
      printListing(world, output, {
        header: ['NETWORK', 'CONTAINER', 'NAMES', 'DOMAIN', 'ADDRESSES', 'STATE'],
        rows: entries.map(({ network: of, containerId, names, domain, addresses, state }) => [
          ...[of, containerId.slice(0, 12), names.join(','), domain, addresses.join(','), state],
        ]),
        json: entries,
        noHeading: noheading,
      });
      const missing = entries.find(({ state }) => state === 'missing');
      if (missing !== undefined) throw problem(missing.missing.join('; '), 'flatnetctl rules reload');
    });
}

const TEST_HELP = `
The servers of all networks of the container are asked, from its own network namespace. Exit code 1 when none knows
the name.

Example:
  flatnetctl dns test db --from web`;

function addTest(dns: Command, world: World): void {
  withOutput(dns.command('test <name>'))
    .description('what a container is answered that asks for a name')
    .requiredOption('--from <container>', 'name, alias or id of the container')
    .addHelpText('after', TEST_HELP)
    .action((name: string, { from, output }: OutputOption & { from: string }) => {
      const fault = nameFault(name.toLowerCase());
      if (fault !== undefined)
        throw usage(`${JSON.stringify(name)} is no name: ${fault}`, 'flatnetctl dns test --help');
      const asked = askFrom(world, name, from);
      printListing(world, output, {
        header: ['NETWORK', 'SERVER', 'ANSWER', 'ADDRESSES'],
        rows: asked.map(({ network, server, outcome, addresses }) => [network, server, outcome, addresses.join(',')]),
        json: asked,
        noHeading: false,
      });
      if (asked.some(({ outcome }) => outcome === 'found')) return;
      throw problem(`${from} does not find ${name}`, 'flatnetctl dns show');
    });
}
