// Podman 5.4 of Debian 13 and Podman 6 of Debian experimental, with flatnet as driver: what people do with a bridge network.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPodmanRoot, type PodmanRoot } from './podman-root.ts';

describe.each([5, 6] as const)('Podman %i', (version) => {
  let host: PodmanRoot;
  beforeAll(async () => {
    host = await openPodmanRoot(version);
  }, 900_000);
  afterAll(() => host?.close());
  afterEach(async () => {
    await host.must('pod', 'rm', '--all', '--force', '--time', '0');
    await host.must('rm', '--all', '--force', '--time', '0');
    await host.must('network', 'prune', '--force');
    await nothingIsLeft();
  });

  const nothingIsLeft = async (): Promise<void> => {
    const left = await host.shell(
      'nft list ruleset; ip -o link show type bridge; find /run/cni/flatnet -path "*/ip/*"; find /run/flatnet/netavark -name "*.json"',
    );
    expect(left).toBe('');
  };
  const page = 'hello from flatnet';
  const serve = ['busybox', 'httpd', '-f', '-h', '/www'];
  const fetchedAtOnce = (from: string): Promise<string> => host.shell(`busybox wget -T 3 -qO- http://${from}/`);
  /** Podman does not wait until a server listens. */
  const fetched = (from: string): Promise<string> =>
    host.shell(`for n in $(seq 100); do busybox wget -T 3 -qO- http://${from}/ && break; sleep 0.1; done`);
  const create = (...args: string[]): Promise<string> => host.must('network', 'create', '--driver', 'flatnet', ...args);
  const start = (name: string, ...args: string[]): Promise<string> => host.must('run', '-d', '--name', name, ...args);
  const addressOf = (name: string, network = 'n1', key = 'IPAddress'): Promise<string> =>
    host.must('inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").${key}}}`, name);
  const inside = async (name: string, line: string): Promise<string> =>
    (await host.podman('exec', name, 'sh', '-c', line)).stdout.trimEnd();

  it('lists the driver and its networks; create chooses, and refuses with the next step', async () => {
    expect(await host.must('--version')).toContain(`version ${version}.`);
    expect(await host.must('info', '--format', '{{.Plugins.Network}}')).toContain('flatnet');
    expect(await create('n1')).toBe('n1');
    await create('--ipv6', 'n2');
    const [n2] = JSON.parse(await host.must('network', 'inspect', 'n2')) as Record<string, unknown>[];
    expect(n2).toMatchObject({
      ...{ driver: 'flatnet', network_interface: 'fl-n2', ipv6_enabled: true, dns_enabled: true },
      subnets: [
        { subnet: '10.87.1.0/24', gateway: '10.87.1.1' },
        { subnet: expect.stringMatching(/^fd.*\/64$/) as string },
      ],
      ipam_options: { driver: 'flatnet-ipam' },
    });
    for (const [args, words] of [
      [['--subnet', '10.87.0.0/25', 'n3'], /overlaps with 10.87.0.0\/24: network n1/],
      [['--opt', 'speed=1', 'n3'], /known options: mtu/],
      [['--ipam-driver', 'dhcp', 'n3'], /flatnet-ipam, host-local, none/],
      [['--label', `big=${'x'.repeat(70_000)}`, 'n3'], /more than Podman reads/],
    ] as const) {
      const refused = await host.podman('network', 'create', '--driver', 'flatnet', ...args);
      expect(refused.exitCode).not.toBe(0);
      expect(refused.stderr).toMatch(words);
    }
  });

  it('ports of all kinds: all addresses, one address, ranges, any free one, from host and sibling', async () => {
    await create('n1');
    await start(
      'web',
      '--network',
      'n1',
      '-p',
      '8080:80',
      '-p',
      '127.0.0.1:8081:80',
      '-p',
      '9000-9002:80-82',
      '-p',
      '80',
      ...serve,
    );
    await start('db', '--network', 'n1', 'busybox', 'sleep', '1000');
    const any = (await host.must('port', 'web')).split('\n').flatMap((line) => /:(\d+)$/.exec(line)?.[1] ?? []);
    for (const port of any.filter((text) => !['9001', '9002'].includes(text))) {
      expect(await fetched(`127.0.0.1:${port}`), port).toBe(page);
    }
    expect(await inside('db', 'wget -T 3 -qO- http://10.87.0.1:8080/')).toBe(page);
    expect(await inside('db', 'wget -T 1 -qO- http://10.87.0.1:8081/')).toBe('');
    expect((await host.podman('run', '--rm', '--network', 'n1', '-p', '8080:80', 'busybox', 'echo')).exitCode).not.toBe(
      0,
    );
  });

  it('--ip, --mac-address, aliases and names; a pod; --internal', async () => {
    await create('n1');
    await start('web', '--network', 'n1:ip=10.87.0.77,mac=02:11:22:33:44:55,alias=www', ...serve);
    expect([await addressOf('web'), await addressOf('web', 'n1', 'MacAddress')]).toEqual([
      '10.87.0.77',
      '02:11:22:33:44:55',
    ]);
    await start('db', '--network', 'n1', 'busybox', 'sleep', '1000');
    for (const name of ['web', 'www', 'web.dns.podman']) {
      expect(await inside('db', `wget -T 3 -qO- http://${name}/`), name).toBe(page);
    }
    await host.must(
      'pod',
      'create',
      '--name',
      'pod',
      '--network',
      'n1',
      '--infra-image',
      'busybox',
      '--infra-command',
      'sleep 1000',
    );
    await start('member', '--pod', 'pod', ...serve);
    expect(await inside('db', 'wget -T 3 -qO- http://pod/')).toBe(page);
    await create('--internal', 'inner');
    expect(await host.must('run', '--rm', '--network', 'inner', 'busybox', 'ip', 'route')).not.toContain('default');
    const bad = await host.podman('run', '--rm', '--network', 'n1', '--ip', '10.99.0.1', 'busybox', 'echo');
    expect(bad.exitCode).not.toBe(0);
  });

  it('restart, stop and start, reload after a flush, connect and disconnect', async () => {
    await create('n1');
    await create('n2');
    await start('web', '--network', 'n1', '-p', '8080:80', ...serve);
    await host.must('restart', '-t', '0', 'web');
    expect(await fetched('127.0.0.1:8080')).toBe(page);
    await host.must('stop', '-t', '0', 'web');
    await nothingIsLeft();
    await host.must('start', 'web');
    const before = await addressOf('web');
    await host.shell('nft flush ruleset');
    expect(await fetchedAtOnce('127.0.0.1:8080')).toBe('');
    await host.must('network', 'reload', 'web');
    expect([await fetched('127.0.0.1:8080'), await addressOf('web')]).toEqual([page, before]);
    await host.must('network', 'connect', 'n2', 'web');
    expect(await inside('web', 'ip -o -4 addr show eth1')).toContain('10.87.1.');
    await host.must('network', 'disconnect', 'n1', 'web');
    expect(await fetched('127.0.0.1:8080')).toBe(page);
  });

  it('two networks at once, isolated ones apart, and a build on a network', async () => {
    await create('--opt', 'isolate=true', 'n1');
    await create('--opt', 'isolate=true', 'n2');
    await start('both', '--network', 'n1', '--network', 'n2', '-p', '8080:80', ...serve);
    await start('one', '--network', 'n1', 'busybox', 'sleep', '1000');
    await start('two', '--network', 'n2', ...serve);
    expect(await fetched('127.0.0.1:8080')).toBe(page);
    const target = await addressOf('two', 'n2');
    expect(await inside('both', `wget -T 3 -qO- http://${target}/`)).toBe(page);
    expect(await inside('one', `wget -T 1 -qO- http://${target}/`)).toBe('');
    await host.shell(
      'mkdir -p /tmp/build; printf "FROM busybox\\nRUN wget -T 3 -qO /tmp/x http://two/\\n" >/tmp/build/Dockerfile',
    );
    const built = await host.podman('build', '--network', 'n2', '-t', 'built', '/tmp/build');
    expect(built, built.stderr).toMatchObject({ exitCode: 0 });
  });

  it('a container that is killed from outside, its conmon too, leaves its address and port to the next', async () => {
    await create('--subnet', '10.90.5.0/24', 'n1');
    await start('web', '--network', 'n1:ip=10.90.5.9', '-p', '8080:80', ...serve);
    const pids = await host.must('inspect', '--format', '{{.State.ConmonPid}} {{.State.Pid}}', 'web');
    await host.shell(`kill -9 ${pids}`);
    await host.podman('rm', '--force', '--time', '0', 'web');
    await start('next', '--network', 'n1:ip=10.90.5.9', '-p', '8080:80', ...serve);
    expect(await fetched('127.0.0.1:8080')).toBe(page);
  });

  it('ten at once, and rm -f of the network with all of them', async () => {
    await create('n1');
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => start(`c${index}`, '--network', 'n1', 'busybox', 'sleep', '1000')),
    );
    const addresses = await Promise.all(Array.from({ length: 10 }, (_, index) => addressOf(`c${index}`)));
    expect(new Set(addresses).size).toBe(10);
    await host.must('network', 'rm', '--force', '--time', '0', 'n1');
    await nothingIsLeft();
    await create('--subnet', '10.91.7.0/24', 'n1');
    expect(
      await host.must('run', '--rm', '--network', 'n1', 'busybox', 'ip', '-o', '-4', 'addr', 'show', 'eth0'),
    ).toContain('10.91.7.');
  });
});

describe('Podman 5 without root', () => {
  let host: PodmanRoot;
  beforeAll(async () => {
    host = await openPodmanRoot(5);
    await host.shell(
      [
        'grep -q ^ann: /etc/passwd || useradd -m -u 1000 ann',
        'echo ann:100000:65536 >/etc/subuid; echo ann:100000:65536 >/etc/subgid',
        // /dev is the machine's: a node of this host alone.
        'mkdir /run/dev; mount -t tmpfs tmpfs /run/dev; mknod -m 666 /run/dev/tun c 10 200; mount --bind /run/dev/tun /dev/net/tun',
        'mount -t tmpfs -o uid=1000,gid=1000 tmpfs /home/ann; install -d -o 1000 -g 1000 -m 700 /run/user /run/user/1000; chmod 755 /run/user',
        's=/run/storage.conf; sed "s#/run/containers/storage#/run/user/1000/st#; s#/var/lib/containers/storage#/home/ann/st#" $s >/run/ann.conf',
        'chmod 644 /run/*.conf /tmp/image.tar',
      ].join('\n'),
    );
    await ann('podman import --quiet /tmp/image.tar busybox');
  }, 900_000);
  afterAll(() => host?.close());

  /** A line of the user's, without Podman's warnings about cgroups. */
  const ann = (line: string): Promise<string> =>
    host.shell(
      `cd /; setpriv --reuid 1000 --regid 1000 --clear-groups env -i HOME=/home/ann USER=ann XDG_RUNTIME_DIR=/run/user/1000 PATH=/usr/bin:/bin:/usr/sbin CONTAINERS_CONF=/run/containers.conf CONTAINERS_STORAGE_CONF=/run/ann.conf sh -c '${line}' 2>/run/ann.err`,
    );

  it('run on two networks, a published port, a sibling by its name, rm', async () => {
    for (const name of ['n1', 'n2']) expect(await ann(`podman network create --driver flatnet ${name}`)).toBe(name);
    await ann('podman run -d --name web --network n1 --network n2 -p 8080:80 busybox httpd -f -h /www');
    await ann('podman run -d --name db --network n1 busybox sleep 1000');
    expect(await host.shell('busybox wget -T 3 -qO- http://127.0.0.1:8080/')).toBe('hello from flatnet');
    expect(await ann('podman exec db wget -T 3 -qO- http://web/')).toBe('hello from flatnet');
    await ann('podman rm -f -t 0 web db');
    const left =
      'podman unshare --rootless-netns sh -c "nft list ruleset; ip -br link show type bridge; ip -br link show type veth"';
    expect(await ann(left)).toBe('');
    expect(await host.shell('nft list ruleset; ip -br link show type bridge')).toBe('');
  });
});
