import type { Command } from 'commander';
import { underOperatorLock } from '../chain/operator-lock.ts';
import { Exit, OperatorError, problem } from '../failure.ts';
import { survey } from '../ipam/survey.ts';
import { printable, printListing, renderJson } from '../output.ts';
import type { PlaceOptions } from '../places.ts';
import { listRules } from '../rules/list-rules.ts';
import type { RuleEntry } from '../rules/rule-entry.ts';
import { reloadRules } from '../rules/reload.ts';
import type { World } from '../world.ts';
import { placesFor, wholeNumber, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

/** `rules show` and `rules reload`: what flatnet has in nftables. */
export function addRulesCommands(program: Command, world: World): void {
  const rules = program.command('rules').description('published ports and masquerade in nftables, and whose they are');
  addShow(rules, world);
  addReload(rules, world);
}

const SHOW_HELP = `
STATE is ok, missing (recorded, but not in the kernel: \`flatnetctl rules reload\`), orphan (without a record:
\`flatnetctl ipam gc\`) or unused (its network has no container). Exit code 1 when a rule is missing.

Example:
  flatnetctl rules show web
  flatnetctl rules show --port 8080`;

interface ShowOptions extends PlaceOptions, OutputOption {
  readonly noheading: boolean;
  readonly port?: number;
}

/** As published ports are written: `8080/tcp on 0.0.0.0 …`, `8000-8010/udp on …`. */
function isOfPort(rule: string, port: number): boolean {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?\/\w+ on /.exec(rule) ?? [];
  return first !== '' && Number(first) <= port && port <= Number(last);
}

function addShow(rules: Command, world: World): void {
  withOutput(withPlaces(rules.command('show [network...]')))
    .description('what is published, masqueraded and guarded, by whom, and whether it stands')
    .option('--port <number>', 'who has this port of the host', wholeNumber(1, 65535))
    .option('-n, --noheading', 'without the heading', false)
    .addHelpText('after', SHOW_HELP)
    .action(async (names: string[], options: ShowOptions) => {
      const found = await survey(world, placesFor(world, options), names, { insideToo: false });
      const all = await listRules(world, found);
      const { port } = options;
      const entries = port === undefined ? all : all.filter(({ rule }) => isOfPort(rule, port));
      if (port !== undefined && entries.length === 0)
        throw problem(`no container has port ${port}`, `ss -lntup 'sport = ${port}', for programs of the host`);
      printListing(world, options.output, {
        header: ['KIND', 'NETWORK', 'RULE', 'CONTAINER', 'NAME', 'STATE'],
        rows: entries.map(({ kind, network, rule, containerId, name, state }) => [
          ...[kind, network, rule, containerId.slice(0, 23), name, state],
        ]),
        json: entries,
        noHeading: options.noheading,
      });
      if (entries.some(({ state }) => state === 'missing')) {
        throw problem('rules are missing in the kernel', 'flatnetctl rules reload');
      }
    });
}

const RELOAD_HELP = `
After \`nft flush ruleset\` or a restart of nftables or firewalld. Containers go on running; nothing of others is touched.
configs/flatnet-rules.service lets systemd do it by itself.

Example:
  flatnetctl rules reload --dry-run`;

function addReload(rules: Command, world: World): void {
  withOutput(withDryRun(withPlaces(rules.command('reload'))))
    .description('rebuild what is missing, from what is recorded of living containers')
    .addHelpText('after', RELOAD_HELP)
    .action(async (options: PlaceOptions & OutputOption & { dryRun: boolean }) => {
      const places = placesFor(world, options);
      if (options.dryRun) {
        const entries = await listRules(world, await survey(world, places, [], { insideToo: false }));
        const missing = entries.filter(({ state }) => state === 'missing');
        if (options.output === 'json') return world.out(renderJson({ rebuilt: missing, dropped: [], failed: [] }));
        return missing.forEach((entry) => world.out(`would rebuild ${words(entry)}`));
      }
      const look = () => survey(world, places, [], { insideToo: false });
      const outcome = await underOperatorLock(places.cacheDir, () => reloadRules(world, look));
      if (options.output === 'json') world.out(renderJson(outcome));
      else {
        outcome.rebuilt.forEach((entry) => world.out(`rebuilt ${words(entry)}`));
        outcome.dropped.forEach(({ network, containerId }) =>
          world.out(printable(`dropped the record of ${containerId} on ${network}: it is gone`) + '\n'),
        );
        outcome.failed.forEach((entry) => world.err(`missing ${words(entry).trimEnd()}: ${printable(entry.reason)}\n`));
      }
      if (outcome.failed.length === 0) return;
      if (options.output === 'json') throw new OperatorError(Exit.problem, '', '');
      throw problem(`${outcome.failed.length} rules are still missing`, 'flatnetctl doctor');
    });
}

const words = ({ kind, network, rule, name, containerId }: RuleEntry): string =>
  printable(
    [kind, rule, `of ${name || containerId || network}`, name || containerId ? `on ${network}` : '']
      .filter(Boolean)
      .join(' '),
  ) + '\n';
