import { after, NOTHING, type Command, type Sample } from '../sample.ts';
import { must, PATH, type Sandbox } from '../sandbox.ts';
import { nameOf, type Container, type Lens, type Side } from './side.ts';

type Json = Readonly<Record<string, unknown>>;

/** A network configuration list and where its plugins are. */
export interface CniNetwork {
  readonly name: string;
  readonly cniVersion: string;
  readonly cniPath: string;
  /** Where the plugins find the programs that they run. */
  readonly path?: string;
  readonly plugins: readonly Json[];
}

export type CniVerb = 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC' | 'VERSION';

/** What libcni would execute for one plugin of `network`. */
export function pluginCommand(
  network: CniNetwork,
  plugin: Json,
  verb: CniVerb,
  container?: Container,
  prevResult?: unknown,
): Command {
  const runtimeConfig = plugin['capabilities'] && container ? { portMappings: container.ports } : undefined;
  const { name, cniVersion, path = PATH } = network;
  return {
    file: `${network.cniPath}/${String(plugin['type'])}`,
    env: {
      PATH: path,
      CNI_COMMAND: verb,
      CNI_PATH: network.cniPath,
      CNI_CONTAINERID: container?.id ?? '',
      CNI_NETNS: container?.netns ?? '',
      CNI_IFNAME: container === undefined ? '' : 'eth0',
      ...(container === undefined ? {} : { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAME=${nameOf(container)}` }),
    },
    input: JSON.stringify({ name, cniVersion, ...plugin, runtimeConfig, prevResult }),
  };
}

const through = (command: Command, lens: Lens): Command =>
  lens.length === 0 ? command : { ...command, file: lens[0]!, args: [...lens.slice(1), command.file] };

/** A chain of CNI plugins, driven as a runtime does: ADD in order with prevResult, everything else in its own order. */
export class CniSide implements Side {
  readonly #results = new Map<string, unknown>();

  constructor(
    readonly name: string,
    readonly sandbox: Sandbox,
    readonly network: CniNetwork,
    readonly executables: readonly string[],
  ) {}

  async attach(container: Container, lens: Lens = []): Promise<Sample> {
    let total = NOTHING;
    let result: unknown;
    for (const plugin of this.network.plugins) {
      const command = pluginCommand(this.network, plugin, 'ADD', container, result);
      const sample = await must(this.sandbox, through(command, lens));
      total = after(total, sample);
      result = JSON.parse(sample.stdout);
    }
    this.#results.set(container.id, result);
    return total;
  }

  async detach(container: Container, lens: Lens = []): Promise<Sample> {
    const sample = await this.each('DEL', [...this.network.plugins].reverse(), container, lens);
    this.#results.delete(container.id);
    return sample;
  }

  check(container: Container): Promise<Sample> {
    return this.each('CHECK', this.network.plugins, container);
  }

  status(): Promise<Sample> {
    return this.each('STATUS', this.network.plugins);
  }

  addressOf(container: Container): string {
    const result = this.#results.get(container.id) as { ips: { address: string }[] };
    return result.ips[0]!.address.split('/')[0]!;
  }

  private async each(verb: CniVerb, plugins: readonly Json[], container?: Container, lens: Lens = []): Promise<Sample> {
    let total = NOTHING;
    const result = container && this.#results.get(container.id);
    for (const plugin of plugins) {
      const command = pluginCommand(this.network, plugin, verb, container, result);
      total = after(total, await must(this.sandbox, through(command, lens)));
    }
    return total;
  }
}

/** The plugins of one maker under their names. */
export interface Maker {
  readonly name: string;
  readonly cniPath: string;
  readonly main: string;
  readonly ipam: string;
  readonly portmap: string;
  /** Keys of its own for the main plugin and for portmap. */
  readonly mainKeys?: Json;
  readonly portmapKeys?: Json;
  /** Where its programs are found, if not on the usual PATH. */
  readonly path?: string;
}

export interface NetworkOptions {
  /** Masquerade and the portmap plugin. */
  readonly full: boolean;
  readonly cniVersion?: string;
  readonly subnet?: string;
  readonly bridge?: string;
}

/** The same network for every maker; only the types differ. `name` is its own per sandbox, since leases are kept by it. */
export function networkOf(maker: Maker, name: string, options: NetworkOptions): CniNetwork {
  const { full, cniVersion = '1.0.0', subnet = '10.88.0.0/16', bridge = 'bench0' } = options;
  const main = {
    type: maker.main,
    bridge,
    isGateway: true,
    ipMasq: full,
    hairpinMode: true,
    ipam: { type: maker.ipam, ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] },
    ...maker.mainKeys,
  };
  const portmap = { type: maker.portmap, capabilities: { portMappings: true }, ...maker.portmapKeys };
  const where = { cniPath: maker.cniPath, ...(maker.path === undefined ? {} : { path: maker.path }) };
  return { name, cniVersion, ...where, plugins: full ? [main, portmap] : [main] };
}

export const cniSide = (maker: Maker, sandbox: Sandbox, options: NetworkOptions): CniSide =>
  new CniSide(
    maker.name,
    sandbox,
    networkOf(maker, sandbox.name, options),
    [maker.main, maker.ipam, maker.portmap].map((type) => `${maker.cniPath}/${type}`),
  );
