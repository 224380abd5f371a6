// flatnetctl: networks, with the real kernel and real Podman.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, REFERENCE_BIN, type Json } from '@flatnet/testing';
import Ajv from 'ajv';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { expectPing, fetchPage, readConflist, useSandbox, withNetns } from './fixture.ts';
import { operatorOf, type Operator } from './operator.ts';
import { attachmentOf, openPodman, type Podman } from './podman.ts';

const host = useSandbox();
const folder = (name: string): string => join(host.sandbox.folder, name);
const REFERENCE = ['bridge', 'host-local', 'portmap', 'firewall', 'tuning'];
const web = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];
const page = 'hello from flatnet';

/** Podman looks for plugins in one folder: reference plugins, and what `flatnetctl install` puts beside them. */
let podman: Podman;
/** flatnetctl over Podman's networks and that folder. */
let ctl: Operator;
let where: string[];

beforeAll(async () => {
  mkdirSync(folder('cni'));
  for (const name of REFERENCE) copyFileSync(join(REFERENCE_BIN, name), folder(`cni/${name}`));
  podman = await openPodman(host.sandbox, [folder('cni')]);
  ctl = operatorOf(host.sandbox, folder('podman/net.d'), [folder('cni')]);
  where = ['--state-dir', folder('state')];
  await ctl.must(...install());
});
afterEach(async () => {
  await podman.must('rm', '--force', '--all', '--time', '0');
});

const install = (...args: string[]): string[] => [
  ...[
    'install',
    '--plugin-dir',
    folder('cni'),
    '--bin-dir',
    folder('bin'),
    '--driver-dir',
    folder('drivers'),
    '--from',
    BIN,
  ],
  ...[...where, ...args],
];

/** A folder of conflists by itself, and a flatnetctl for it. */
function directory(name: string): { netDir: string; own: Operator } {
  mkdirSync(folder(name), { recursive: true });
  return { netDir: folder(name), own: operatorOf(host.sandbox, folder(name)) };
}

const subnetOf = (path: string): string => {
  const { plugins } = JSON.parse(readFileSync(path, 'utf8')) as { plugins: { ipam: { ranges: Json[][] } }[] };
  return String(plugins[0]!.ipam.ranges[0]![0]!['subnet']);
};

/** What a command could change: names, sizes, inodes and times of files, links, addresses, routes, rules, forwarding. */
async function everything(...folders: string[]): Promise<string> {
  const { must } = host.sandbox;
  const state = await Promise.all([
    must('find', [...folders, '-printf', '%p %i %s %T@ %l\\n']),
    must('ip', ['address']),
    must('ip', ['route', 'show', 'table', 'all']),
    must('nft', ['list', 'ruleset']),
    must('cat', ['/proc/sys/net/ipv4/ip_forward']),
  ]);
  return state.join('\n').replaceAll(/(?:valid|preferred)_lft \S+/g, '');
}

const port = z.strictObject({
  ...{ hostPort: z.int(), containerPort: z.int(), protocol: z.enum(['tcp', 'udp', 'sctp']) },
  hostIP: z.string().optional(),
});
const attachedInterface = z.strictObject({
  mac: z.string(),
  addresses: z.array(z.string()),
  ports: z.array(port),
  netns: z.string(),
});
const inspected = z.strictObject({
  ...{ name: z.string(), id: z.string().length(64), driver: z.string(), network_interface: z.string() },
  created: z.iso.datetime().optional(),
  subnets: z.array(
    z.strictObject({
      ...{ subnet: z.string(), gateway: z.string() },
      lease_range: z.strictObject({ start_ip: z.string(), end_ip: z.string() }).optional(),
      addresses: z.strictObject({ total: z.int(), in_use: z.int(), free: z.int() }).optional(),
    }),
  ),
  ...{ ipv6_enabled: z.boolean(), internal: z.boolean(), dns_enabled: z.boolean(), managed: z.boolean() },
  isolation: z.array(z.enum(['networks', 'containers'])),
  labels: z.record(z.string(), z.string()),
  options: z.record(z.string(), z.string()),
  ipam_options: z.strictObject({ driver: z.string() }),
  containers: z.record(
    z.string(),
    z.strictObject({ name: z.string(), interfaces: z.record(z.string(), attachedInterface) }),
  ),
  ...{ plugins: z.array(z.string()), cni_version: z.string(), file: z.string() },
});
const listed = z.array(
  z.strictObject({
    ...{ id: z.string().length(64), name: z.string(), driver: z.string(), bridge: z.string(), file: z.string() },
    ...{ subnets: z.array(z.string()), containers: z.int(), managed: z.boolean() },
  }),
);
const findings = z.array(
  z.strictObject({
    ...{ check: z.string(), state: z.enum(['ok', 'warning', 'failed']), reason: z.string() },
    ...{ repair: z.string().optional(), fix: z.array(z.string()).optional(), fixed: z.boolean().optional() },
  }),
);

describe('a network made here', () => {
  it('is used by podman run; ls, inspect and graph tell of it; rm leaves nothing', async () => {
    await ctl.must('network', 'create', 'shop', '--subnet', '10.87.40.0/24', '--label', 'tier=front');
    await podman.must('run', '-d', '--name', 'web', '--network', 'shop', '-p', '8080:80', ...web);
    const { IPAddress } = await attachmentOf(podman, 'web', 'shop');
    expect(await fetchPage(host.sandbox, '10.87.40.1', 8080)).toBe(page);
    expect(await podman.must('network', 'ls', '--filter', 'label=tier=front', '--format', '{{.Name}}')).toBe('shop');

    expect(await ctl.must('network', 'ls')).toMatchInlineSnapshot(`
      "NETWORK ID    NAME  DRIVER   BRIDGE   SUBNETS        CONTAINERS
      8d9001d32c6a  shop  flatnet  fl-shop  10.87.40.0/24  1
      "
    `);
    expect(listed.parse(JSON.parse(await ctl.must('network', 'ls', '-o', 'json')))).toHaveLength(1);
    const [shop] = z.array(inspected).parse(JSON.parse(await ctl.must('network', 'inspect', 'shop')));
    const [container] = Object.values(shop!.containers);
    expect(container).toMatchObject({ name: 'web', interfaces: { eth0: { addresses: [`${IPAddress}/24`] } } });
    expect(container!.interfaces['eth0']!.ports).toEqual([{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]);
    expect(shop!.subnets[0]!.addresses).toEqual({ total: 253, in_use: 1, free: 252 });
    const [mermaid, svg] = [await ctl.must('network', 'graph'), await ctl.must('network', 'graph', '--format', 'svg')];
    for (const words of ['fl-shop', 'web', IPAddress, '8080', 'masquerade']) {
      expect(mermaid).toContain(words);
      expect(svg).toContain(words);
    }

    expect(await ctl.refuses(1, 'network', 'rm', 'shop')).toContain('in use by');
    await podman.must('rm', '-f', '-t', '0', 'web');
    await ctl.must('network', 'rm', 'shop');
    expect(await host.sandbox.must('ip', ['-j', 'link', 'show', 'type', 'bridge'])).not.toContain('fl-shop');
    expect(await podman.must('network', 'ls', '--format', '{{.Name}}')).not.toContain('shop');
  });

  it('keeps containers, or other networks, away from its own with --isolate', async () => {
    const { own } = directory('isolated');
    const create = (name: string, ...args: string[]): Promise<string> => own.must('network', 'create', name, ...args);
    await Promise.all([create('alone', '--isolate', 'containers'), create('a', '--isolate'), create('b', '--isolate')]);
    await Promise.all([create('c'), create('d')]);
    const places: [string, string][] = ['alone', 'alone', 'a', 'a', 'b', 'c', 'd'].map((net, at) => [`iso${at}`, net]);
    await withNetns(
      host.sandbox,
      places.map(([netns]) => netns),
      async (paths) => {
        const addresses: string[] = [];
        for (const [at, [, net]] of places.entries()) {
          const added = await own.must('attach', net, '--netns', paths[at]!, '-o', 'json');
          addresses.push((JSON.parse(added) as { ips: { address: string }[] }).ips[0]!.address.replace(/\/\d+$/, ''));
        }
        const ping = async (from: number, to: number): Promise<number | null> =>
          (await host.sandbox.inNetns(`iso${from}`, 'busybox', ['ping', '-c', '1', '-W', '1', addresses[to]!]))
            .exitCode;
        // Each silence has an answer beside it that shows that the way would be there.
        expect({ alone: await ping(0, 1), open: await ping(2, 3) }).toEqual({ alone: 1, open: 0 });
        expect({ apart: await ping(2, 4), open: await ping(5, 6) }).toEqual({ apart: 1, open: 0 });
        await expectPing(host.sandbox, 'iso0', addresses[0]!.replace(/\d+$/, '1'));
        for (const [at, [, net]] of places.entries()) await own.must('detach', net, '--netns', paths[at]!);
      },
    );
    await own.must('network', 'rm', 'alone', 'a', 'b', 'c', 'd');
  });

  it('gets a subnet that no network of the same moment has; of two with one name one wins', async () => {
    const { netDir, own } = directory('at-once');
    const names = Array.from({ length: 6 }, (_, at) => `n${at}`);
    await Promise.all(names.map((name) => own.must('network', 'create', name)));
    expect(new Set(names.map((name) => subnetOf(join(netDir, `${name}.conflist`)))).size).toBe(6);
    const same = await Promise.all([1, 2, 3].map(() => own('network', 'create', 'same')));
    expect(same.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1, 1]);
    expect(readdirSync(netDir).sort()).toEqual([...names.map((name) => `${name}.conflist`), 'same.conflist']);
  });
});

describe('what is refused', () => {
  it('ends with one next step, by the exit code of its kind, and changes nothing', async () => {
    const { netDir, own } = directory('refusals');
    await own.must('network', 'create', 'web', '--subnet', '10.87.41.0/24');
    const hand = { cniVersion: '1.0.0', name: 'hand', plugins: [{ type: 'loopback' }] };
    writeFileSync(join(netDir, 'hand.conflist'), JSON.stringify(hand));
    const before = await everything(netDir);
    await own.refuses(1, 'network', 'create', 'web');
    await own.refuses(1, 'network', 'create', 'x', '--subnet', '10.87.41.128/25');
    await own.refuses(1, 'network', 'inspect', 'nobody');
    await own.refuses(1, 'network', 'rm', 'hand');
    await own.refuses(1, 'network', 'prune');
    await own.refuses(2, 'network', 'create', 'x', '--subnet', '10.87.41.7/24');
    await own.refuses(2, 'network', 'create', 'x', '--opt', 'mtu=12');
    await own.refuses(2, 'network', 'create', 'x', '--frobnicate');
    await own.refuses(2, 'network', 'create');
    await own.refuses(2, 'network', 'graph', '--format', 'png');
    await own.refuses(2, 'frobnicate');
    await ctl.refuses(2, 'install', '--drop-in', '--from', BIN, '--plugin-dir', folder('no'), ...where);
    await ctl.refuses(3, 'install', '--from', folder('no'), '--plugin-dir', folder('no'), ...where);
    expect(await everything(netDir)).toBe(before);
    expect(existsSync(folder('no'))).toBe(false);
  });

  it.each([
    '../evil',
    '/etc/passwd',
    'a b',
    '$(touch /tmp/pwned)',
    'a;b',
    "a'b",
    'a\nb',
    '-x',
    '',
    'ü',
    'x'.repeat(300),
  ])('is the name %j', async (name) => {
    const { netDir, own } = directory('hostile');
    const before = await everything(host.sandbox.folder, '/run', '/etc/cni');
    await own.refuses(2, 'network', 'create', '--', name);
    for (const verb of ['inspect', 'rm']) await own.refuses(1, 'network', verb, '--', name);
    expect((await own('network', 'exists', '--', name)).exitCode).toBe(1);
    expect(await everything(host.sandbox.folder, '/run', '/etc/cni')).toBe(before);
    expect(readdirSync(netDir)).toEqual([]);
  });

  it('is a folder that cannot be written, with the reason', async () => {
    const { netDir, own } = directory('read-only');
    await host.sandbox.must('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', netDir]);
    expect(await own.refuses(3, 'network', 'create', 'web')).toContain('EROFS');
    writeFileSync(folder('a-file'), '');
    await operatorOf(host.sandbox, folder('a-file')).refuses(3, 'network', 'create', 'web');
  });

  it('is no half-written conflist beside the others: it is named, and the others work', async () => {
    const { netDir, own } = directory('torn');
    await own.must('network', 'create', 'web');
    const whole = readFileSync(join(netDir, 'web.conflist'), 'utf8');
    writeFileSync(join(netDir, 'torn.conflist'), whole.slice(0, whole.length / 2));
    writeFileSync(join(netDir, 'empty.conflist'), '');
    writeFileSync(join(netDir, 'wrong.conflist'), '{"name":"wrong","plugins":[{"type":5}]}');
    await host.sandbox.must('mkfifo', [join(netDir, 'pipe.conflist')]);
    const { exitCode, stdout, stderr } = await own('network', 'ls', '--quiet');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'web\n' });
    for (const name of ['torn', 'empty', 'wrong', 'pipe']) expect(stderr).toContain(`${name}.conflist: `);
    expect(await own.refuses(1, 'network', 'inspect', 'torn')).toContain('not JSON');
    await own.must('network', 'create', 'next');
    expect((await own('doctor')).exitCode).toBe(1);
  });
});

describe('--dry-run', () => {
  it('changes nothing', async () => {
    await ctl.must('network', 'create', 'dry');
    await host.sandbox.must('sysctl', ['-w', 'net.ipv4.ip_forward=0']);
    const before = await everything(folder('cni'), folder('podman/net.d'), folder('state'), folder('bin'));
    const lines: readonly string[][] = [
      ['network', 'create', 'other', '--dry-run'],
      ['network', 'rm', 'dry', '--dry-run'],
      ['network', 'prune', '--force', '--dry-run'],
      install('--dry-run', '--sample'),
      install('--dry-run', '--drop-in'),
      ['uninstall', '--purge', '--dry-run', ...where],
      ['doctor', '--fix', '--dry-run'],
    ];
    for (const line of lines) expect(await ctl.must(...line)).toMatch(/would|"name": "other"/);
    expect(await everything(folder('cni'), folder('podman/net.d'), folder('state'), folder('bin'))).toBe(before);
    expect(await ctl.must('network', 'prune', '--force')).toBe('dry\n');
  });
});

describe('schema', () => {
  it('accepts what is made here and the shipped configurations, and names what is wrong', async () => {
    const { netDir, own } = directory('schema');
    await own.must('network', 'create', 'web', '--ipv6', '--label', 'a=b', '--mtu', '1400', '--dns', '10.0.0.1');
    const validate = new Ajv({ allErrors: true }).compile(JSON.parse(await own.must('schema')) as object);
    const good = [JSON.parse(readFileSync(join(netDir, 'web.conflist'), 'utf8')) as Json];
    const shipped = readdirSync(join(import.meta.dirname, '../configs')).filter((name) => name.endsWith('.conflist'));
    for (const list of [...good, ...shipped.map(readConflist)])
      expect([validate(list), validate.errors]).toEqual([true, null]);
    const wrong = (plugin: Json): string | undefined => {
      const list = { cniVersion: '1.0.0', name: 'x', plugins: [{ type: 'flatnet', ...plugin }] };
      return validate(list) ? undefined : JSON.stringify(validate.errors);
    };
    expect(wrong({ mtu: 'much' })).toContain('.mtu');
    expect(wrong({ ipam: { type: 'flatnet-ipam', ranges: [{ subnet: '10.1.0.0/24' }] } })).toContain('.ranges');
    expect(wrong({ ipam: { type: 'host-local', ranges: 'others have keys of their own' } })).toBeUndefined();
  });
});

describe('doctor', () => {
  it('finds a dead container and forwarding off, and mends both with --fix', async () => {
    await ctl.must('network', 'create', 'sick');
    await withNetns(host.sandbox, ['patient'], async ([path]) => {
      await ctl.must('attach', 'sick', '--netns', path!);
    });
    await host.sandbox.must('sysctl', ['-w', 'net.ipv4.ip_forward=0']);
    const look = async (...args: string[]) =>
      findings.parse(JSON.parse((await ctl('doctor', '-o', 'json', ...args)).stdout));
    const sick = (await look()).filter(({ fix }) => fix !== undefined);
    expect(sick.map(({ check, state }) => [check, state])).toEqual([
      ['net.ipv4.ip_forward', 'warning'],
      ['leases of sick', 'warning'],
    ]);
    expect((await look('--fix')).filter(({ fixed }) => fixed).map(({ check }) => check)).toEqual(
      sick.map(({ check }) => check),
    );
    expect((await look()).filter(({ fix }) => fix !== undefined)).toEqual([]);
    expect(await host.sandbox.must('cat', ['/proc/sys/net/ipv4/ip_forward'])).toBe('1\n');
    expect((await look()).find(({ check }) => check === 'network sick')).toMatchObject({
      state: 'ok',
      reason: 'ready',
    });
    await ctl.must('network', 'rm', 'sick');
  });
});
