import type { Command } from 'commander';
import { isIdentifier } from '@flatnet/cni';
import {
  argumentsOf,
  assertIdentity,
  attach,
  check,
  detach,
  idOfNetns,
  netnsPath,
  networkOfCached,
} from '../chain/attachment.ts';
import { findCached, type CachedAttachment } from '../chain/cache.ts';
import { findByNetns, findByShortName } from '../chain/find-attachment.ts';
import { contextOf } from '../chain/context.ts';
import { parsePortMapping, renderPortMapping } from '../chain/port-mapping.ts';
import { getNetwork } from '../conflist/directory.ts';
import type { Network } from '../conflist/model.ts';
import { OperatorError, problem, usage } from '../failure.ts';
import { withInterrupts } from '../interrupt.ts';
import { factsOf } from '../network/describe.ts';
import { renderJson, renderTable } from '../output.ts';
import type { PlaceOptions, Places } from '../places.ts';
import type { World } from '../world.ts';
import { collect, placesFor, withDryRun, withOutput, withPlaces, type OutputOption } from './options.ts';

interface IdentityOptions extends PlaceOptions {
  readonly netns?: string;
  readonly id?: string;
  /** The id is whole: neither the start of one nor a name. */
  readonly exact?: boolean;
  readonly ifname: string;
}

interface AttachOptions extends IdentityOptions, OutputOption {
  readonly netns: string;
  readonly ip: readonly string[];
  readonly mac?: string;
  readonly publish: readonly string[];
  readonly name?: string;
  readonly dryRun: boolean;
  readonly reuse: boolean;
}

const withIdentity = (command: Command): Command =>
  withPlaces(command)
    .option(
      '--id <id>',
      'container id (default: derived from the namespace); for detach and check also its start, or a name',
    )
    .option('--ifname <name>', 'interface in the container', 'eth0');

/** `attach`, `detach`, `check`: the chain as a runtime runs it. */
export function addAttachCommands(program: Command, world: World): void {
  withOutput(withDryRun(withIdentity(program.command('attach <network>'))))
    .description('attach a network namespace to a network, as a runtime would; -o json prints the CNI result')
    .requiredOption('--netns <path|pid>', 'the network namespace')
    .option('--ip <address>', 'ask for this address; repeatable', collect, [])
    .option('--mac <address>', 'ask for this MAC address')
    .option('-p, --publish <mapping>', '[HOSTIP:]HOSTPORT:CONTAINERPORT[/PROTO]; repeatable', collect, [])
    .option('--name <name>', "the container's name, for logs and listings")
    .option('--reuse', 'answer with what is recorded when the same attachment lives already', false)
    .addHelpText('after', '\nExample:\n  ip netns add demo\n  flatnetctl attach web --netns /run/netns/demo -p 8080:80')
    .action((name: string, options: AttachOptions) => runAttach(world, name, options));

  withDryRun(withIdentity(program.command('detach <network>')))
    .description('take an attachment back; the namespace may be gone')
    .option('--netns <path|pid>', 'the network namespace; may be left out with --id')
    .option('--exact', 'take --id as the whole id', false)
    .option('-f, --force', 'send DEL also when nothing is recorded of it', false)
    .addHelpText('after', '\nExample:\n  flatnetctl detach web --netns /run/netns/demo')
    .action(async (name: string, options: IdentityOptions & { dryRun: boolean; force: boolean }) => {
      const places = placesFor(world, options);
      const { network, cached, netns } = findAttachment(places, name, options);
      if (options.dryRun) {
        return world.out(`would detach ${cached.containerId} (${cached.ifName}) from ${name}\n`);
      }
      await withInterrupts(world, () => detach(contextOf(world, places), places.cacheDir, network, cached, netns));
      world.out(`${cached.containerId}\n`);
    });

  withOutput(withIdentity(program.command('check <network>')))
    .description('ask every plugin of the chain whether the attachment is as it was made')
    .option('--netns <path|pid>', 'the network namespace; may be left out with --id')
    .option('--exact', 'take --id as the whole id', false)
    .addHelpText('after', '\nExample:\n  flatnetctl check web --netns /run/netns/demo')
    .action((name: string, options: IdentityOptions & OutputOption) => runCheck(world, name, options));
}

async function runCheck(world: World, name: string, options: IdentityOptions & OutputOption): Promise<void> {
  const places = placesFor(world, options);
  const { network, cached, netns } = findAttachment(places, name, options);
  const { containerId, ifName } = cached;
  const identity = { network: name, containerId, ifName, addresses: factsOf(cached).addresses };
  try {
    await check(contextOf(world, places), network, cached, netns);
  } catch (error) {
    if (options.output === 'table' || !(error instanceof OperatorError)) throw error;
    world.out(renderJson({ ...identity, state: 'failed', reason: error.message, next: error.next }));
    throw new OperatorError(error.exit, '', '');
  }
  if (options.output === 'json') return world.out(renderJson({ ...identity, state: 'ok', reason: '', next: '' }));
  world.out(`${containerId} (${ifName}) on ${name}: ok ${identity.addresses.join(' ')}\n`);
}

async function runAttach(world: World, name: string, options: AttachOptions): Promise<void> {
  const places = placesFor(world, options);
  const file = getNetwork(places.netDir, name);
  const netns = netnsPath(options.netns);
  const containerId = options.id ?? idOfNetns(netns);
  const ifName = options.ifname;
  assertIdentity(containerId, ifName);
  const wishes = {
    ips: options.ip,
    ports: options.publish.flatMap(parsePortMapping),
    ...(options.mac === undefined ? {} : { mac: options.mac }),
    ...(options.name === undefined ? {} : { name: options.name }),
  };
  const wanted = { containerId, ifName, netns, ...argumentsOf(file.network, wishes) };
  if (options.dryRun)
    return world.out(renderJson({ network: name, plugins: file.network.plugins.map(({ type }) => type), ...wanted }));
  const cached = await withInterrupts(world, (interrupted) =>
    attach(contextOf(world, places, interrupted), places.cacheDir, file, wanted, options.reuse),
  );
  if (options.output === 'json') return world.out(renderJson(cached.result));
  world.out(renderTable(ATTACHED, [rowOf(cached)]));
}

const ATTACHED = ['CONTAINER', 'NETWORK', 'INTERFACE', 'ADDRESSES', 'MAC', 'PORTS'];

function rowOf(cached: CachedAttachment): readonly string[] {
  const { addresses, mac = '', ports } = factsOf(cached);
  const { containerId, network, ifName } = cached;
  return [containerId, network, ifName, addresses.join(' '), mac, ports.map(renderPortMapping).join(' ')];
}

/** The cached attachment that the options name. @throws OperatorError */
function findAttachment(
  { cacheDir, netDir }: Places,
  name: string,
  options: IdentityOptions & { readonly force?: boolean },
): { network: Network; cached: CachedAttachment; netns?: string } {
  if (options.netns === undefined && options.id === undefined) {
    throw usage('which attachment?', 'give --netns or --id');
  }
  const byId = `give --id alone, by which flatnetctl network inspect ${name} lists it`;
  const netns = options.netns === undefined ? undefined : netnsPath(options.netns, byId);
  // The name becomes part of a file's name.
  if (!isIdentifier(name)) throw usage(`${JSON.stringify(name)} is not a network name`, 'flatnetctl network ls');
  const containerId = options.id ?? idOfNetns(netns as string);
  assertIdentity(containerId, options.ifname);
  const wanted = { network: name, containerId, ifName: options.ifname };
  const cached =
    findCached(cacheDir, wanted) ??
    (options.id === undefined
      ? findByNetns(cacheDir, wanted, netns as string)
      : options.exact === true
        ? undefined
        : findByShortName(cacheDir, wanted, options.id));
  if (cached === undefined && options.force === true) {
    const { network, text } = getNetwork(netDir, name);
    const cniArgs = [['IgnoreUnknown', '1']] as const;
    const rest = { config: text, cniArgs, capabilityArgs: {}, result: {} };
    return {
      network,
      cached: { network: name, containerId, ifName: options.ifname, ...rest },
      ...(netns === undefined ? {} : { netns }),
    };
  }
  if (cached === undefined) {
    throw problem(
      `${containerId} is not attached to ${name} with ${options.ifname}`,
      `flatnetctl network inspect ${name}`,
    );
  }
  // The configuration of ADD is the one to undo; the present file may say something else by now.
  const network = networkOfCached(cached) ?? getNetwork(netDir, name).network;
  return { network, cached, ...(netns === undefined ? {} : { netns }) };
}
