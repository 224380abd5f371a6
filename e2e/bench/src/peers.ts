/** Who is measured: flatnet, what this machine's packages have, and the newest that `npm run bench:peers` fetched. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './sandbox.ts';
import type { Maker } from './sides/cni.ts';

const firstOf = (paths: readonly string[]): string | undefined => paths.find((path) => existsSync(path));

export const FLATNET: Maker = {
  name: 'flatnet',
  cniPath: process.env['FLATNET_BENCH_BIN'] ?? join(ROOT, 'dist/bin'),
  main: 'flatnet',
  ipam: 'flatnet-ipam',
  portmap: 'flatnet-portmap',
};

const reference = { main: 'bridge', ipam: 'host-local', portmap: 'portmap' };
const referencePath = firstOf(['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'])?.replace(/\/bridge$/, '');

/** The Go plugins, if they are installed. */
export const REFERENCE: Maker | undefined =
  referencePath === undefined ? undefined : { name: 'reference', cniPath: referencePath, ...reference };

/** Where netavark is, if it is installed. */
export const NETAVARK = firstOf(['/usr/lib/podman/netavark', '/usr/libexec/podman/netavark']);

/** What gives names beside them, if it is installed. */
export const DNSNAME = referencePath === undefined ? undefined : firstOf([`${referencePath}/dnsname`]);
export const AARDVARK = firstOf(['/usr/lib/podman/aardvark-dns', '/usr/libexec/podman/aardvark-dns']);

const NEWEST = process.env['FLATNET_BENCH_PEERS'] ?? '/var/tmp/flatnet-peers';

/** Versions of the newest peers, a line each; none where they were not fetched. */
export const NEWEST_VERSIONS: readonly string[] = existsSync(`${NEWEST}/versions`)
  ? readFileSync(`${NEWEST}/versions`, 'utf8').trim().split('\n')
  : [];

const isFetched = NEWEST_VERSIONS.length > 0;

/** The newest Go plugins with each of their backends. With nftables they fail in DEL where they find iptables on PATH. */
export const NEWEST_REFERENCES: readonly Maker[] = isFetched
  ? [
      { name: 'newest reference, iptables', cniPath: `${NEWEST}/cni`, ...reference },
      {
        ...{ name: 'newest reference, nftables', cniPath: `${NEWEST}/cni`, ...reference },
        mainKeys: { ipMasqBackend: 'nftables' },
        portmapKeys: { backend: 'nftables' },
        path: `${NEWEST}/nft-only`,
      },
    ]
  : [];

export const NEWEST_NETAVARK = isFetched ? `${NEWEST}/netavark` : undefined;
