import { after, NOTHING, type Sample } from '../sample.ts';
import { must, PATH, type Sandbox } from '../sandbox.ts';
import type { Container, Lens, Side } from './side.ts';

const addressAt = (index: number): string => `10.88.${Math.floor(index / 250)}.${(index % 250) + 2}`;
const vethOf = (container: Container): string => `bare${container.index}`;

const BASE = `
table inet bare {
  map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
  set masqueraded { type ipv4_addr; }
  chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local dnat ip to meta l4proto . th dport map @ports; }
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr @masqueraded ip daddr != 10.88.0.0/16 masquerade; }
}
`;

/**
 * The floor: what the kernel itself needs for the same attachment, asked for by as few bare tools as there can be (`ip -batch`
 * once per namespace, `nft -f` once), with every name and address known beforehand.
 */
export class BareSide implements Side {
  readonly name = 'bare ip and nft';
  readonly executables: readonly string[] = [];

  constructor(
    readonly sandbox: Sandbox,
    readonly full: boolean,
  ) {
    sandbox.tool(
      'ip',
      ['-batch', '-'],
      'link add bench0 type bridge\naddr add 10.88.0.1/16 dev bench0\nlink set bench0 up\n',
    );
    if (full) sandbox.tool('nft', ['-f', '-'], BASE);
  }

  async attach(container: Container, lens: Lens = []): Promise<Sample> {
    const veth = vethOf(container);
    const host = `link add ${veth} type veth peer name eth0 netns ${container.netns}\nlink set ${veth} master bench0 up\n`;
    const inside = [
      'link set lo up',
      `addr add ${addressAt(container.index)}/16 dev eth0`,
      'link set eth0 up',
      'route add default via 10.88.0.1',
      '',
    ].join('\n');
    const first = await this.tool(['ip', '-batch', '-'], host, lens);
    const second = await this.tool(['nsenter', `--net=${container.netns}`, 'ip', '-batch', '-'], inside, lens);
    return after(after(first, second), await this.nft('add', container, lens));
  }

  async detach(container: Container, lens: Lens = []): Promise<Sample> {
    const first = await this.nft('delete', container, lens);
    return after(first, await this.tool(['ip', 'link', 'del', vethOf(container)], '', lens));
  }

  addressOf(container: Container): string {
    return addressAt(container.index);
  }

  private async nft(verb: 'add' | 'delete', container: Container, lens: Lens): Promise<Sample> {
    const address = addressAt(container.index);
    const lines = container.ports.map(
      ({ protocol, hostPort, containerPort }) =>
        `${verb} element inet bare ports { ${protocol} . ${hostPort} : ${address} . ${containerPort} }\n`,
    );
    if (!this.full) return NOTHING;
    return this.tool(
      ['nft', '-f', '-'],
      `${verb} element inet bare masqueraded { ${address} }\n${lines.join('')}`,
      lens,
    );
  }

  private tool(words: readonly string[], input: string, lens: Lens): Promise<Sample> {
    const [file, ...args] = [...lens, ...words];
    return must(this.sandbox, { file: file!, args, env: { PATH }, input });
  }
}
