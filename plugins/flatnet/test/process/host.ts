/** A private host with the built executable in it (`npm run build`), and room for stand-ins of the delegated plugin. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BIN,
  callPlugin,
  findLeaks,
  openSandbox,
  REFERENCE_BIN,
  takeInventory,
  type Json,
  type PluginAnswer,
  type PluginCall,
  type Sandbox,
} from '@flatnet/testing';

export interface Host {
  readonly sandbox: Sandbox;
  readonly bin: string;
  call(verb: string, containerId: string, config: Json, more?: Partial<PluginCall>): Promise<PluginAnswer>;
  /** What differs from the host as it was opened, or as `settle` found it: empty when nothing leaked. */
  remains(): Promise<readonly string[]>;
  /** Takes what is there now for the state from before: links and namespaces that the test made itself. */
  settle(): Promise<void>;
  /** Writes an executable script into the folder of that name, and answers the folder. */
  script(folder: string, name: string, text: string): string;
}

export async function openHost(): Promise<Host> {
  const sandbox = await openSandbox();
  const bin = join(sandbox.folder, 'bin');
  mkdirSync(bin);
  symlinkSync(join(BIN, 'flatnet'), join(bin, 'flatnet'));
  let before = await takeInventory(sandbox);
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
    remains: () => findLeaks(sandbox, before),
    async settle() {
      before = await takeInventory(sandbox);
    },
  };
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
