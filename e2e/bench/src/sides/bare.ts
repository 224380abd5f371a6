import type { Sample } from '../sample.ts';
import { must, PATH, type Sandbox } from '../sandbox.ts';
import type { Container, Lens, Side } from './side.ts';

const addressAt = (index: number): string => `10.88.${Math.floor(index / 250)}.${(index % 250) + 2}`;
const vethOf = (container: Container): string => `bare${container.index}`;
const PROTOCOL_NUMBERS = { tcp: '6', udp: '17' } as const;

const BASE = `
table inet bare {
  map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
  set masqueraded { type ipv4_addr; }
  chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local dnat ip to meta l4proto . th dport map @ports; }
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr @masqueraded ip daddr != 10.88.0.0/16 masquerade; }
}
`;

/** The floor: what the kernel itself needs for the same attachment, in one process with every name and address known beforehand. */
export class BareSide implements Side {
  readonly name = 'kernel work alone';
  readonly executables: readonly string[];

  /** @param program `buildKernelWork`. */
  constructor(
    readonly sandbox: Sandbox,
    readonly full: boolean,
    readonly program: string,
  ) {
    this.executables = [program];
    sandbox.tool(
      'ip',
      ['-batch', '-'],
      'link add bench0 type bridge\naddr add 10.88.0.1/16 dev bench0\nlink set bench0 up\n',
    );
    if (full) sandbox.tool('nft', ['-f', '-'], BASE);
  }

  attach(container: Container, lens: Lens = []): Promise<Sample> {
    return this.execute(['attach', container.netns], container, lens);
  }

  detach(container: Container, lens: Lens = []): Promise<Sample> {
    return this.execute(['detach'], container, lens);
  }

  addressOf(container: Container): string {
    return addressAt(container.index);
  }

  private execute(verb: readonly string[], container: Container, lens: Lens): Promise<Sample> {
    const ports = container.ports.flatMap(({ protocol, hostPort }) => [PROTOCOL_NUMBERS[protocol], String(hostPort)]);
    const [file = '', ...args] = [...lens, this.program, ...verb, vethOf(container), addressAt(container.index)];
    return must(this.sandbox, { file, args: [...args, ...(this.full ? ports : [])], env: { PATH } });
  }
}
