import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { FLATNET, REFERENCE } from '../peers.ts';
import { makeNetns, must, Sandbox } from '../sandbox.ts';
import { cniSide, pluginCommand, type Maker } from '../sides/cni.ts';
import { container, published } from '../sides/side.ts';
import type { Grower } from './growth.ts';
import { PortCrowd } from './port-crowd.ts';

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

/** The portmap plugin alone, next to ports that another container has published. */
export function portGrowers(): readonly Grower[] {
  makeNetns(['ports']);
  return makers.map((maker) => {
    const crowd = new PortCrowd(maker, 'ports', 'ports');
    const one = container('ports', 3, published(1024));
    return {
      side: maker.name,
      growTo: (size) => crowd.growTo(size),
      add: () => crowd.run('ADD', one, '10.88.0.3'),
      del: () => crowd.run('DEL', one, '10.88.0.3'),
      stop: () => crowd.side.sandbox.stop(),
    };
  });
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
