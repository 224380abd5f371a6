import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { FLATNET, REFERENCE } from '../bench.ts';
import { makeNetns, must, Sandbox } from '../sandbox.ts';
import { cniSide, pluginCommand, type CniSide, type Maker } from '../sides/cni.ts';
import { container, published } from '../sides/side.ts';
import type { Grower } from './growth.ts';

const makers: readonly Maker[] = REFERENCE ? [FLATNET, REFERENCE] : [FLATNET];
const hexOf = (index: number): string => (0x0a580000 + index).toString(16).padStart(8, '0');
const dottedOf = (index: number): string => `10.88.${index >> 8}.${index & 255}`;

/** Lease number `index` as each maker keeps it: one file in the folder of host-local, a record and its link in flatnet's. */
export const WRITE_LEASE: Readonly<Record<string, (network: string, index: number) => void>> = {
  reference: (network, index) =>
    writeFileSync(`/var/lib/cni/networks/${network}/${dottedOf(index)}`, `filler${index}\r\neth0`),
  flatnet: (network, index) => {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const generation = `/run/cni/flatnet/${network}/b-${boot}`;
    const folder = `${generation}/at/filler${index}:eth0`;
    const [containerId, ifName] = [`filler${index}`, 'eth0'];
    const record = {
      v: 1,
      network,
      containerId,
      ifName,
      ips: [dottedOf(index)],
      creator: '',
      at: '2026-01-01T00:00:00Z',
    };
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(`${folder}/lease`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    linkSync(`${folder}/lease`, `${generation}/ip/4-${hexOf(index)}`);
  },
};

/** The IPAM plugin alone; its store is filled by writing its files, since 60,000 ADDs would take ten minutes. */
export function leaseGrowers(): readonly Grower[] {
  makeNetns(['leases']);
  return makers.map((maker) => {
    const side = cniSide(maker, new Sandbox(`leases-${maker.name}`), { full: true });
    const one = container('leases', 3);
    const main = side.network.plugins[0]!;
    const run = (verb: 'ADD' | 'DEL', of = one) =>
      must(side.sandbox, { ...pluginCommand(side.network, main, verb, of), file: `${maker.cniPath}/${maker.ipam}` });
    let filled = 10;
    return {
      side: maker.name,
      async growTo(size) {
        // The first ADD makes the store. Nothing is leased while the files are written, so that none is in the way.
        await run('ADD');
        await run('DEL');
        for (; filled < size; filled++) WRITE_LEASE[maker.name]!(side.network.name, filled);
      },
      add: () => run('ADD'),
      del: () => run('DEL'),
      stop: () => side.sandbox.stop(),
    };
  });
}

const resultFor = (address: string): unknown => ({
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/ports' }],
  ips: [{ interface: 0, address: `${address}/16`, gateway: '10.88.0.1' }],
});

/** The portmap plugin alone, next to ports that another container has published. */
export function portGrowers(): readonly Grower[] {
  makeNetns(['ports']);
  return makers.map((maker) => {
    const side = cniSide(maker, new Sandbox(`ports-${maker.name}`), { full: true });
    side.sandbox.tool(
      'ip',
      ['-batch', '-'],
      'link add bench0 type bridge\naddr add 10.88.0.1/16 dev bench0\nlink set bench0 up\n',
    );
    const portmap = side.network.plugins[1]!;
    const run = (verb: 'ADD' | 'DEL', of: ReturnType<typeof container>, address: string) =>
      must(side.sandbox, pluginCommand(side.network, portmap, verb, of, resultFor(address)));
    const one = container('ports', 3, published(1024));
    let filled = 0;
    return {
      side: maker.name,
      async growTo(size) {
        if (maker === FLATNET) await fillByPlugin(run, filled, size);
        else await fillByRestore(side, filled, size);
        filled = size;
      },
      add: () => run('ADD', one, '10.88.0.3'),
      del: () => run('DEL', one, '10.88.0.3'),
      stop: () => side.sandbox.stop(),
    };
  });
}

const FIRST_PORT = 2_000;

type RunPort = (verb: 'ADD' | 'DEL', of: ReturnType<typeof container>, address: string) => Promise<unknown>;

async function fillByPlugin(run: RunPort, from: number, to: number): Promise<void> {
  const ports = Array.from({ length: to - from }, (_, at) => published(FIRST_PORT + from + at)[0]!);
  await run('ADD', container('ports', 1_000 + to, ports), dottedOf(1_000 + to));
}

/**
 * Rules as the reference makes them, one chain of three rules per container and port, but in one go: its own ADD starts several
 * iptables processes per port, each of which reads all rules.
 */
async function fillByRestore(side: CniSide, from: number, to: number): Promise<void> {
  if (from === 0) {
    const first = container('ports', 2, published(1023));
    await must(
      side.sandbox,
      pluginCommand(side.network, side.network.plugins[1]!, 'ADD', first, resultFor('10.88.0.2')),
    );
  }
  const numbers = Array.from({ length: to - from }, (_, at) => from + at);
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
  side.sandbox.tool('iptables-restore', ['--noflush'], lines.join('\n'));
}

/** The whole chain on a bridge that holds so many containers, attached by the plugins themselves. */
export function attachmentGrowers(): readonly Grower[] {
  return makers.map((maker) => {
    const side = cniSide(maker, new Sandbox(`ports-on-${maker.name}`), { full: true });
    makeNetns([`${maker.name}-more`]);
    const one = container(`${maker.name}-more`, 999, published(1024));
    let filled = 0;
    return {
      side: maker.name,
      async growTo(size) {
        const names = Array.from({ length: size - filled }, (_, at) => `${maker.name}-on${filled + at}`);
        makeNetns(names);
        const waiting = names.map((name, at) => container(name, 1_000 + filled + at));
        const worker = async (): Promise<void> => {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await side.attach(next);
        };
        await Promise.all([worker(), worker()]);
        filled = size;
      },
      add: () => side.attach(one),
      del: () => side.detach(one),
      stop: () => side.sandbox.stop(),
    };
  });
}
