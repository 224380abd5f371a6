import { FLATNET } from '../peers.ts';
import { type Sample } from '../sample.ts';
import { must, Sandbox } from '../sandbox.ts';
import { cniSide, pluginCommand, type CniSide, type Maker } from '../sides/cni.ts';
import { container, published, type Container } from '../sides/side.ts';

const FIRST_PORT = 10_000;

const dottedOf = (index: number): string => `10.88.${index >> 8}.${index & 255}`;

const resultFor = (netns: string, address: string): unknown => ({
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: netns }],
  ips: [{ interface: 0, address: `${address}/16`, gateway: '10.88.0.1' }],
});

/** The portmap plugin of a maker, on a host where other containers have published so many ports. */
export class PortCrowd {
  #filled = 0;

  /** @param netns of the containers that hold the ports; nothing in it is looked at. */
  constructor(
    readonly maker: Maker,
    name: string,
    readonly netns: string,
    readonly side: CniSide = hostOf(maker, name),
  ) {}

  run(verb: 'ADD' | 'DEL', of: Container, address: string): Promise<Sample> {
    const portmap = this.side.network.plugins[1]!;
    const result = resultFor(of.netns, address);
    return must(this.side.sandbox, pluginCommand(this.side.network, portmap, verb, of, result));
  }

  async growTo(size: number): Promise<void> {
    if (this.maker === FLATNET) await this.#fillByPlugin(size);
    else await this.#fillByRestore(size);
    this.#filled = size;
  }

  async #fillByPlugin(size: number): Promise<void> {
    const numbers = Array.from({ length: size - this.#filled }, (_, at) => this.#filled + at);
    const ports = numbers.map((at) => published(FIRST_PORT + at)[0]!);
    await this.run('ADD', container(this.netns, 1_000 + size, ports), dottedOf(1_000 + size));
  }

  /**
   * Rules as the reference makes them, one chain of three rules per container and port, but in one go: its own ADD starts several
   * iptables processes per port, each of which reads all rules.
   */
  async #fillByRestore(size: number): Promise<void> {
    if (this.#filled === 0) await this.run('ADD', container(this.netns, 2, published(1023)), '10.88.0.2');
    const numbers = Array.from({ length: size - this.#filled }, (_, at) => this.#filled + at);
    const chainOf = (at: number): string => `CNI-DN-${String(at).padStart(20, '0')}`;
    const lines = [
      '*nat',
      ...numbers.map((at) => `:${chainOf(at)} - [0:0]`),
      ...numbers.flatMap((at) => {
        const [port, address] = [FIRST_PORT + at, dottedOf(1_000 + at)];
        const tcp = `-p tcp --dport ${port}`;
        return [
          `-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"fill\\" id: \\"f${at}\\"" -m multiport --destination-ports ${port} -j ${chainOf(at)}`,
          `-A ${chainOf(at)} -s 10.88.0.0/16 ${tcp} -j CNI-HOSTPORT-SETMARK`,
          `-A ${chainOf(at)} -s 127.0.0.1/32 ${tcp} -j CNI-HOSTPORT-SETMARK`,
          `-A ${chainOf(at)} ${tcp} -j DNAT --to-destination ${address}:80`,
        ];
      }),
      'COMMIT',
      '',
    ];
    this.side.sandbox.tool('iptables-restore', ['--noflush'], lines.join('\n'));
  }
}

/** A host with the bridge of the network, made without a plugin. */
function hostOf(maker: Maker, name: string): CniSide {
  const side = cniSide(maker, new Sandbox(`${name}-${maker.name}`), { full: true });
  const bridge = 'link add bench0 type bridge\naddr add 10.88.0.1/16 dev bench0\nlink set bench0 up\n';
  side.sandbox.tool('ip', ['-batch', '-'], bridge);
  return side;
}
