import type { Command } from 'commander';
import { parseIp } from '@flatnet/addressing';
import { underOperatorLock } from '../chain/operator-lock.ts';
import type { NetworkFile } from '../conflist/directory.ts';
import { findNetwork, networksOf } from '../conflist/driver-networks.ts';
import { readable } from '../conflist/subnets.ts';
import { Exit, OperatorError, problem, usage } from '../failure.ts';
import { findingsOf, type Finding } from '../ipam/findings.ts';
import { freeFinding, isSame, type Freed } from '../ipam/free.ts';
import { holdingsOf } from '../ipam/leases.ts';
import { readReport, reportOf, writeReport } from '../ipam/report.ts';
import { releaseOne } from '../ipam/release.ts';
import { survey } from '../ipam/survey.ts';
import { coloured, printable, renderJson } from '../output.ts';
import type { PlaceOptions, Places } from '../places.ts';
import type { World } from '../world.ts';
import { showHoldings, showUsage } from './ipam-listing.ts';
import { placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

/** `ipam show`, `check`, `gc`, `release`: the leases of flatnet-ipam, and whether everything else agrees with them. */
export function addIpamCommands(program: Command, world: World): void {
  const ipam = program
    .command('ipam')
    .description('address leases: which container has which, and which are left over');
  addShow(ipam, world);
  addCheck(ipam, world);
  addGc(ipam, world);
  addRelease(ipam, world);
}

function addShow(ipam: Command, world: World): void {
  withOutput(withPlaces(ipam.command('show [network...]')))
    .description('addresses in use with their owners; without a network of all')
    .option('--ip <address>', 'which container has this address; exit code 1 if none')
    .option('--summary', 'use per subnet instead', false)
    .addHelpText('after', '\nExamples:\n  flatnetctl ipam show web\n  flatnetctl ipam show --ip 10.87.0.2')
    .action((names: string[], options: PlaceOptions & OutputOption & { ip?: string; summary: boolean }) => {
      const places = placesFor(world, options);
      const { cniPath } = places;
      const networks = filesOf(places, names).map(({ network }) => network);
      if (options.summary) return showUsage(world, networks, cniPath, options);
      const holdings = networks.flatMap((network) => holdingsOf(network, cniPath));
      if (options.ip === undefined) return showHoldings(world, holdings, options);
      const ip = readable(() => parseIp(options.ip ?? ''));
      if (ip === undefined)
        throw usage(`${JSON.stringify(options.ip)} is not an IP address`, 'give one like 10.87.0.2');
      const found = holdings.filter((holding) => holding.ip.equals(ip));
      if (found.length === 0) throw problem(`${ip} is not in use`, 'flatnetctl ipam show');
      showHoldings(world, found, options);
    });
}

const CHECK_HELP = `
What is compared: leases, host links, published ports (records and kernel), runtimes' cached results, and network
namespaces with the addresses inside. Nothing is changed. Exit code 1 when something does not fit together.

Examples:
  flatnetctl ipam check
  flatnetctl ipam check web --report /run/web.json    then look at it, and:
  flatnetctl ipam release --from-report /run/web.json`;

function addCheck(ipam: Command, world: World): void {
  withOutput(withPlaces(ipam.command('check [network...]')))
    .description('compare leases, links, rules and namespaces both ways')
    .option('--report <file>', 'write the findings to this file too')
    .addHelpText('after', CHECK_HELP)
    .action(async (names: string[], options: PlaceOptions & OutputOption & { report?: string }) => {
      const found = await survey(world, placesFor(world, options), names, { insideToo: true });
      const report = reportOf(found, findingsOf(found), world.now());
      if (options.report !== undefined) writeReport(options.report, report);
      world.out(options.output === 'json' ? renderJson(report) : renderFindings(world, report.findings));
      if (options.output === 'table') {
        const { networks, findings } = report;
        const sum = (key: 'attachments' | 'leases'): number => networks.reduce((total, each) => total + each[key], 0);
        world.err(
          `${networks.length} networks, ${sum('attachments')} living attachments, ${sum('leases')} leases: ${findings.length === 0 ? 'everything agrees' : `${findings.length} findings`}\n`,
        );
      }
      if (report.findings.some(({ level }) => level === 'problem')) throw new OperatorError(Exit.problem, '', '');
    });
}

function renderFindings(world: World, findings: readonly Finding[]): string {
  return findings
    .map(({ level, kind, network, containerId, ifName, name, reason, next }) => {
      const mark = level === 'problem' ? coloured(world, 'red', 'problem') : coloured(world, 'yellow', 'note   ');
      const who = [name, containerId.slice(0, 23), ifName].filter(Boolean).join(' ');
      const where = [network, who].filter(Boolean).join(': ');
      return `${mark} ${kind} ${printable(where)}\n        ${printable(reason)}\n        next: ${printable(next)}\n`;
    })
    .join('');
}

function addGc(ipam: Command, world: World): void {
  withOutput(withDryRun(withPlaces(ipam.command('gc [network...]'))))
    .description('free what attachments left whose network namespace is gone: rules, link, address')
    .addHelpText(
      'after',
      '\nEach is looked at again right before: whatever lives, or is being started, stays as it is.\n\nExample:\n  flatnetctl ipam gc --dry-run',
    )
    .action(async (names: string[], options: PlaceOptions & OutputOption & { dryRun: boolean }) => {
      const places = placesFor(world, options);
      await freeAll(world, places, options, async () => {
        const found = await survey(world, places, names, { insideToo: false });
        return findingsOf(found).filter(({ gc }) => gc);
      });
    });
}

interface ReleaseOptions extends PlaceOptions, OutputOption {
  readonly ip?: string;
  readonly id?: string;
  readonly ifname?: string;
  readonly fromReport?: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

function addRelease(ipam: Command, world: World): void {
  withOutput(withDryRun(withPlaces(ipam.command('release [network]'))))
    .description('free one attachment that is dead, or those that a report found')
    .option('--ip <address>', 'the one that has this address')
    .option('--id <id>', 'the one of this container')
    .option('--ifname <name>', 'and of this interface (default: every one of the container)')
    .option('--from-report <file>', 'all that the report of `ipam check` found dead, as far as it still is')
    .option('-f, --force', 'also when nothing tells whether it lives; never when it does', false)
    .addHelpText(
      'after',
      '\nExamples:\n  flatnetctl ipam release web --ip 10.87.0.2\n  flatnetctl ipam release --from-report /run/web.json --dry-run',
    )
    .action(async (name: string | undefined, options: ReleaseOptions) => {
      const places = placesFor(world, options);
      if (options.fromReport === undefined) return releaseOne(world, places, name, options, printFreed);
      if (name !== undefined || options.ip !== undefined || options.id !== undefined) {
        throw usage('--from-report says by itself what to release', 'leave out the network, --ip and --id');
      }
      const report = readReport(options.fromReport);
      await freeAll(world, places, options, async () => report.findings.filter(({ gc }) => gc));
    });
}

type FreeOptions = OutputOption & { readonly dryRun: boolean };

/** Under the lock: what to free, and its freeing, one after the other, to the end. @throws OperatorError when one failed. */
async function freeAll(
  world: World,
  places: Places,
  options: FreeOptions,
  choose: () => Promise<readonly Finding[]>,
): Promise<void> {
  const freed = await underOperatorLock(places.cacheDir, async () => {
    const outcomes: Freed[] = [];
    for (const finding of withoutTwins(await choose())) {
      const outcome: Freed = options.dryRun
        ? { finding, outcome: 'would free', reason: '' }
        : await freeFinding(world, places, finding);
      if (options.output === 'table') printFreed(world, outcome);
      outcomes.push(outcome);
    }
    return outcomes;
  });
  if (options.output === 'json') world.out(renderJson(freed));
  const failed = freed.filter(({ outcome }) => outcome === 'failed');
  if (failed.length > 0)
    throw problem(`${failed.length} of ${freed.length} could not be freed`, 'flatnetctl logs --errors');
}

const withoutTwins = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter((finding, index) => findings.findIndex((other) => isSame(finding, other)) === index);

function printFreed(world: World, { finding, outcome, reason }: Freed): void {
  const { addresses, ports, containerId, mark, network, kind } = finding;
  const what = [...addresses, ...ports].join(' ') || 'the remains';
  const whose = containerId || (mark === '' ? kind : `mark ${mark}`);
  const where = network === '' ? '' : ` on ${network}`;
  world.out(printable(`${outcome} ${what} of ${whose}${where}${reason === '' ? '' : `: ${reason}`}`) + '\n');
}

const filesOf = (places: Places, names: readonly string[]): readonly NetworkFile[] =>
  names.length > 0 ? names.map((name) => findNetwork(places, name)) : networksOf(places).files;
