/** A private host with the built executable in it (`npm run build`), and room for stand-ins of the delegated plugin. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BIN,
  callPlugin,
  openSandbox,
  REFERENCE_BIN,
  type Json,
  type PluginAnswer,
  type PluginCall,
  type Sandbox,
} from '@flatnet/testing';

export interface Host {
  readonly sandbox: Sandbox;
  readonly bin: string;
  call(verb: string, containerId: string, config: Json, more?: Partial<PluginCall>): Promise<PluginAnswer>;
  /** What attachments may leave behind: links but bridges, guards of ports, leases of host-local. */
  remains(): Promise<readonly string[]>;
  /** Writes an executable script into the folder of that name, and answers the folder. */
  script(folder: string, name: string, text: string): string;
}

export async function openHost(): Promise<Host> {
  const sandbox = await openSandbox();
  const bin = join(sandbox.folder, 'bin');
  mkdirSync(bin);
  symlinkSync(join(BIN, 'flatnet'), join(bin, 'flatnet'));
  const script = (folder: string, name: string, text: string): string => {
    mkdirSync(join(sandbox.folder, folder), { recursive: true });
    writeFileSync(join(sandbox.folder, folder, name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
    return join(sandbox.folder, folder);
  };
  return {
    ...{ sandbox, bin, script },
    call: (verb, containerId, config, more = {}) =>
      callPlugin(sandbox, {
        ...{
          plugin: join(bin, 'flatnet'),
          verb,
          containerId,
          ifName: 'eth0',
          netns: `/run/netns/${containerId}`,
          config,
        },
        ...{ path: [bin, REFERENCE_BIN], ...more },
      }),
    remains: () => remainsOf(sandbox),
  };
}

async function remainsOf(sandbox: Sandbox): Promise<readonly string[]> {
  const links = JSON.parse(await sandbox.must('ip', ['-j', '-d', 'link'])) as {
    ifname: string;
    linkinfo?: { info_kind: string };
  }[];
  const guards = await sandbox.run('nft', ['list', 'map', 'bridge', 'flatnet', 'ports']);
  const leases = await sandbox.run('find', [join(sandbox.folder, 'leases'), '-type', 'f', '-name', '*.*.*.*']);
  return [
    ...links.filter(({ linkinfo }) => linkinfo?.info_kind === 'veth').map(({ ifname }) => ifname),
    ...[...guards.stdout.matchAll(/jump \S+/g)].map(([text]) => text),
    ...leases.stdout.split('\n').filter(Boolean),
  ].sort();
}

/** Network number n, with addresses 10.60.n.0/24 and fd60:n::/64. */
export const network = (host: Host, n: number, more: Json = {}): Json => ({
  ...{ cniVersion: '1.0.0', name: `net${n}`, type: 'flatnet', antiSpoof: true },
  ipam: {
    type: 'host-local',
    dataDir: join(host.sandbox.folder, 'leases'),
    ranges: [[{ subnet: `10.60.${n}.0/24` }], [{ subnet: `fd60:${n}::/64` }]],
  },
  ...more,
});
