import { FakeKernel } from '@flatnet/kernel/testing';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asRun, isOursThroughout } from '../src/conflist/as-run.ts';
import { decodeNetwork, type Network } from '../src/conflist/model.ts';
import { routingOf } from '../src/doctor/attached.ts';
import { meet, parseListeners } from '../src/doctor/listeners.ts';
import { wantedRules } from '../src/rules/wanted.ts';

let root: string;
const path = (): readonly string[] => [join(root, 'bin')];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flatnetctl-as-run-'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'flatnet'), '', { mode: 0o755 });
});
afterEach(() => rmSync(root, { recursive: true }));
const dropIn = (): void => {
  for (const name of ['bridge', 'host-local', 'portmap']) symlinkSync(join(root, 'flatnet'), join(root, 'bin', name));
};

const network = (bridge: object): Network =>
  decodeNetwork(
    {
      ...{ cniVersion: '1.0.0', name: 'pod' },
      plugins: [
        { type: 'bridge', ipam: { type: 'host-local', subnet: '10.88.0.0/16' }, ...bridge },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    'test',
  );

describe("the reference's names", () => {
  it('are what they run, with what the configuration then means', () => {
    expect(asRun(network({}), path()).plugins.map(({ type }) => type)).toEqual(['bridge', 'portmap']);
    expect(isOursThroughout(network({}), path())).toBe(false);
    dropIn();
    const { plugins } = asRun(network({ bridge: '' }), path());
    expect(plugins.map(({ type }) => type)).toEqual(['flatnet', 'flatnet-portmap']);
    expect(plugins[0]).toMatchObject({ bridge: 'cni0', ipMasq: false, isGateway: false });
    expect(isOursThroughout(network({}), path())).toBe(true);
  });

  it('are routed as the reference routes, not as flatnet does where nothing is said', () => {
    dropIn();
    expect(routingOf(network({}), path())).toEqual({ isForwarded: false, isMasqueraded: false });
    const podman = network({ isGateway: true, ipMasq: true });
    expect(routingOf(podman, path())).toEqual({ isForwarded: true, isMasqueraded: true });
  });

  it('have their masquerade known while a container lives', async () => {
    dropIn();
    const file = { path: '', text: '', network: network({ isGateway: true, ipMasq: true }) };
    const trace = {
      ...{ network: 'pod', attachment: { containerId: 'c1', ifName: 'eth0' }, mark: '', life: 'alive' as const },
      linked: true,
      cached: {
        ...{ network: 'pod', containerId: 'c1', ifName: 'eth0', cniArgs: [], capabilityArgs: {} },
        ...{ config: '', result: { cniVersion: '1.0.0', ips: [{ address: '10.88.0.2/16' }] } },
      },
    };
    const survey = {
      ...{ cniPath: path(), subjects: [{ name: 'pod', file, storeFolder: '' }], traces: [trace] },
      ...{ unreadable: [], orphans: [] },
    };
    // All is recorded.
    const kernel = new FakeKernel();
    const masquerade = { addresses: ['10.88.0.2'], subnets: ['10.88.0.0/16'] };
    expect(await wantedRules(kernel, survey)).toMatchObject([{ rules: { masquerade } }]);
    expect(await wantedRules(kernel, { ...survey, cniPath: [] })).toEqual([]);
  });
});

describe('listeners', () => {
  it('are read from /proc/net', () => {
    const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
    const line = (local: string, state: string): string =>
      `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 4711 1\n`;
    const text = head + line('0100007F:0016', '0A') + line('0100007F:1F90', '01');
    expect(parseListeners(text, 'tcp')).toEqual([{ protocol: 'tcp', address: '0100007F', port: 22, inode: '4711' }]);
  });

  it.each([
    ['00000000', undefined, true],
    ['0100007F', undefined, true],
    ['0100007F', '0.0.0.0', true],
    ['00000000', '192.0.2.1', true],
    ['0100007F', '127.0.0.1', true],
    ['0100007F', '192.0.2.1', false],
    ['000080FE00000000FF8000000200FEA9', '192.0.2.1', false],
    ['00000000000000000000000001000000', '::1', true],
  ])('at %s meet a publication on %s: %s', (address, hostIP, wanted) => {
    expect(meet(address, hostIP)).toBe(wanted);
  });
});
