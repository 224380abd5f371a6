// What goes wrong with netavark's driver: failures, kills, deadlines, containers that died, and what Podman's interface is like.
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { Json } from '@flatnet/testing';
import { netnsCookie, withNetns } from '@flatnet/sys';
import { openNodeSys } from '@flatnet/sys/node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useSandbox } from './fixture.ts';
import { addressOf, type Container, idOf, NetavarkLab } from './netavark-lab.ts';

const host = useSandbox();
let lab: NetavarkLab;
const ports = [{ container_port: 80, host_port: 8080 }];
const on = (name: string, network: string, more: Partial<Container> = {}): Container => ({
  ...{ name, networks: { [network]: {} } },
  ...more,
});

beforeAll(async () => {
  lab = await NetavarkLab.open(host.sandbox);
  for (const name of ['web', 'db']) await host.sandbox.addNetns(name);
});
afterEach(async () => {
  for (const name of lab.networks.keys())
    for (const container of ['web', 'db']) await lab.teardown(on(container, name));
  await host.sandbox.idle();
  [...lab.networks.keys()].forEach((name) => lab.remove(name));
});

const shell = (line: string, ...args: readonly string[]) => host.sandbox.run('bash', ['-c', line, ...args]);
const errorOf = ({ stdout }: { readonly stdout: string }): string => (JSON.parse(stdout) as { error: string }).error;
const bridges = async (): Promise<string> => (await shell('ip -o link show type bridge')).stdout;
const leases = async (network: string): Promise<number> =>
  Number((await shell(`ls /run/cni/flatnet/${network}/*/ip 2>/dev/null | wc -l`)).stdout);
const records = async (): Promise<number> =>
  Number((await shell('find /run/flatnet/netavark -name "*.json" | wc -l')).stdout);
const nothingIsLeft = async (network: string): Promise<void> => {
  expect([await bridges(), await leases(network), await records()]).toEqual(['', 0, 0]);
  expect((await shell('nft list ruleset')).stdout).toBe('');
};
const hostEnds = async (): Promise<string[]> => {
  const links = JSON.parse(await host.sandbox.must('ip', ['-j', 'link', 'show', 'type', 'veth'])) as Json[];
  return links.map(({ ifname }) => String(ifname)).filter((name) => /^fl[0-9a-f]{12}$/.test(name));
};
/** Of a container that died: its namespace is gone, and the kernel has taken the link. */
const die = async (name: string): Promise<void> => {
  await host.sandbox.deleteNetns(name);
  for (let tries = 0; tries < 600 && (await hostEnds()).length > 0; tries++) await sleep(20);
  await host.sandbox.addNetns(name);
};

describe('a container that died without teardown', () => {
  it('gives its address and port to the next one, with flatnet-ipam and with Podman leasing', async () => {
    for (const driver of ['flatnet-ipam', 'host-local']) {
      await lab.create('n1', { ipam_options: { driver }, subnets: [{ subnet: '10.77.0.0/24' }] });
      const wish = { networks: { n1: { static_ips: ['10.77.0.9'] } }, ports };
      await lab.setup({ name: 'web', ...wish });
      await die('web');
      const status = await lab.setup({ name: 'db', ...wish });
      expect(addressOf(status['n1'])).toBe('10.77.0.9');
      expect([await leases('n1'), await records()]).toEqual([1, 1]);
      await lab.teardown({ name: 'db', ...wish });
      await nothingIsLeft('n1');
      lab.remove('n1');
    }
  });

  it('is found by its lease where its record is lost', async () => {
    await lab.create('n1', { subnets: [{ subnet: '10.77.0.0/24' }] });
    const wish = { networks: { n1: { static_ips: ['10.77.0.9'] } }, ports };
    await lab.setup({ name: 'web', ...wish });
    await host.sandbox.deleteNetns('web');
    await shell('find /run/flatnet/netavark -name "*.json" -delete');
    await die('web');
    // The path of the namespace has to be free, too, as Podman's random names are.
    await host.sandbox.deleteNetns('web');
    await lab.setup({ name: 'db', ...wish });
    await lab.teardown({ name: 'db', ...wish });
    await nothingIsLeft('n1');
    await host.sandbox.addNetns('web');
  });

  it('is none whose end on the host was moved into another namespace', async () => {
    await lab.create('n1', { subnets: [{ subnet: '10.77.0.0/24' }] });
    await lab.setup(on('web', 'n1'));
    const [end = ''] = await hostEnds();
    await host.sandbox.addNetns('elsewhere');
    await host.sandbox.must('ip', ['link', 'set', end, 'netns', 'elsewhere']);
    await lab.setup(on('db', 'n1'));
    expect([await leases('n1'), await records()]).toEqual([2, 2]);
    await host.sandbox.deleteNetns('elsewhere');
    for (const name of ['web', 'db']) await lab.teardown(on(name, 'n1'));
    await nothingIsLeft('n1');
  });

  it('does not keep its own restart out, and a removed network of the name nothing of the new one', async () => {
    await lab.create('n1', { subnets: [{ subnet: '10.77.0.0/24' }] });
    await lab.setup(on('web', 'n1', { ports }));
    await die('web');
    await lab.setup(on('web', 'n1', { ports }));
    await die('web');
    lab.remove('n1');
    await lab.create('n1', { subnets: [{ subnet: '10.77.1.0/24' }], network_interface: 'fl-n1' });
    expect(addressOf((await lab.setup(on('web', 'n1', { ports })))['n1'])).toBe('10.77.1.2');
    await lab.teardown(on('web', 'n1'));
    await nothingIsLeft('n1');
  });
});

describe('teardown', () => {
  it('goes by names: the namespace gone or another, options that mean nothing, records lost', async () => {
    await lab.create('n1');
    await lab.setup(on('web', 'n1', { ports }));
    await lab.setup(on('db', 'n1'));
    lab.networks.set('n1', { ...lab.networks.get('n1'), options: { nonsense: 'x' } });
    await shell('find /run/flatnet/netavark -name "*.json" -delete');
    const call = {
      ...{ container_id: idOf('web'), container_name: 'web', port_mappings: null, network: lab.networks.get('n1') },
      network_options: { interface_name: 'eth0', aliases: null, static_ips: null, static_mac: null, options: null },
    };
    expect(await lab.call(['teardown', '/run/netns/db'], call)).toMatchObject({ exitCode: 0, stdout: '' });
    expect((await shell('ip netns exec db ip link show eth0')).exitCode).toBe(0);
    const other = { ...call, container_id: idOf('db') };
    expect(await lab.call(['teardown', '/run/netns/gone'], other)).toMatchObject({ exitCode: 0, stdout: '' });
    await nothingIsLeft('n1');
  });

  it('works from a deleted folder, without sbin in PATH, and with SIGTERM and SIGINT ignored by its parent', async () => {
    await lab.create('n1', { dns_enabled: true });
    await lab.setup(on('web', 'n1', { ports }));
    const under = [
      'bash',
      '-c',
      'mkdir /tmp/gone.$$; cd /tmp/gone.$$; rmdir /tmp/gone.$$; trap \'\' TERM INT; PATH=/usr/bin:/bin "$@"',
      'sh',
    ];
    const ended = await lab.run('teardown', on('web', 'n1', { ports }), under);
    expect(ended, ended.stdout).toMatchObject({ exitCode: 0 });
    await nothingIsLeft('n1');
  });
});

describe('a setup that fails', () => {
  it('leaves nothing, and says what failed, on what, and the next step', async () => {
    await lab.create('n1', { subnets: [{ subnet: '10.77.0.0/24' }] });
    const held = addressOf((await lab.setup(on('web', 'n1', { ports })))['n1']);
    const before = await shell('nft list ruleset; ip -j link; ls /run/cni/flatnet/n1/*/ip');
    const refused = await lab.run('setup', on('db', 'n1', { ports }));
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(errorOf(refused)).toMatch(/plugin "flatnet" failed: exit code 1, message: .*8080/);
    const twice = await lab.run('setup', on('web', 'n1', { ports }));
    expect(errorOf(twice)).toContain('is attached to network n1 with eth0 already');
    for (const wish of [{ static_ips: [held] }, { static_ips: ['10.99.0.2'] }, { options: { speed: '1' } }]) {
      expect((await lab.run('setup', { name: 'db', networks: { n1: wish } })).exitCode).toBe(1);
    }
    expect((await shell('nft list ruleset; ip -j link; ls /run/cni/flatnet/n1/*/ip')).stdout).toBe(before.stdout);
    await lab.teardown(on('web', 'n1', { ports }));
    await nothingIsLeft('n1');
  });

  it('on a new network takes the bridge back', async () => {
    await lab.create('n1', { subnets: [{ subnet: '10.77.0.0/24' }] });
    await host.sandbox.must('ip', ['link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1']);
    await host.sandbox.must('ip', ['address', 'add', '10.77.0.7/24', 'dev', 'lan0']);
    await host.sandbox.must('ip', ['link', 'set', 'lan0', 'up']);
    expect(errorOf(await lab.run('setup', on('web', 'n1')))).toContain('lan0');
    await host.sandbox.must('ip', ['link', 'delete', 'lan0']);
    await nothingIsLeft('n1');
  });

  it.each([
    [['setup'], /does not exist/],
    [['setup', 'relative'], /does not exist/],
    [['setup', '/etc/passwd'], /is not a network namespace/],
    [['setup', '/proc/self/ns/net'], /of the host itself/],
    [['reload', '/run/netns/web'], /./],
  ])('%j is refused', async (args, words) => {
    await lab.create('n1');
    const call = {
      ...{ container_id: idOf('web'), network: lab.networks.get('n1'), network_options: { interface_name: 'eth0' } },
    };
    const result = await lab.call(args, call);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toMatch(words);
  });

  it('whose answer nobody reads is undone', async () => {
    await lab.create('n1');
    const call = JSON.stringify({
      ...{ container_id: idOf('web'), network: lab.networks.get('n1'), network_options: { interface_name: 'eth0' } },
    });
    const line = `(echo '${call}' | "$0" setup /run/netns/web; echo $? >"$1") | true; for i in $(seq 300); do [ -s "$1" ] && break; sleep 0.05; done; cat "$1"`;
    const result = await shell(line, join(lab.plugins, 'flatnet'), join(host.sandbox.folder, 'rc'));
    expect(result.stdout).toBe('1\n');
    await nothingIsLeft('n1');
  });
});

/** A program holds the lock, until its `sleep` is ended. */
async function held(lock: string): Promise<{ readonly ended: Promise<unknown> }> {
  const ended = host.sandbox.run('flock', [lock, 'sleep', '60'], { timeoutMs: 70_000 });
  for (let tries = 0; tries < 600 && (await shell(`flock -n ${lock} true`)).exitCode === 0; tries++) await sleep(20);
  return { ended };
}

/** Does `body` while a program holds the lock that flatnet-firewall waits for. */
async function whileHung(body: () => Promise<void>): Promise<void> {
  const sys = openNodeSys();
  const cookie = withNetns(sys, host.sandbox.netns, () => String(netnsCookie(sys)));
  const boot = (await shell('cat /proc/sys/kernel/random/boot_id; mkdir -p /run/flatnet/policy')).stdout.trim();
  const lock = `/run/flatnet/policy/lock.${boot}.${cookie}`;
  const holder = await held(lock);
  try {
    await body();
  } finally {
    await shell('pkill -x sleep');
    await holder.ended;
    await shell(`rm -f ${lock}; rmdir --ignore-fail-on-non-empty /run/flatnet/policy`);
  }
}

/** The deadline takes its ten seconds. */
const slowly = process.env['FLATNET_SYSTEM'] === '1' ? it : () => undefined;

describe('a plugin that hangs', () => {
  slowly('is ended within 15 seconds; what could be undone is, and the next setup takes the rest', async () => {
    await lab.create('n1');
    await whileHung(async () => {
      const begin = Date.now();
      const result = await lab.run('setup', on('web', 'n1', { ports }));
      expect(Date.now() - begin).toBeLessThan(15_000);
      expect(errorOf(result)).toMatch(/setup did not finish in time.*chain/);
      expect([await bridges(), await leases('n1')]).toEqual(['', 0]);
      await host.sandbox.idle(['sleep', 'flock']);
    });
    await die('web');
    await lab.setup(on('db', 'n1', { ports }));
    expect(await records()).toBe(1);
    await lab.teardown(on('db', 'n1', { ports }));
    await nothingIsLeft('n1');
  });

  slowly('of which another call cannot wait: a setup is refused, a teardown goes on', async () => {
    await lab.create('n1');
    await lab.setup(on('web', 'n1', { ports }));
    const holder = await held('/run/flatnet/netavark/lock');
    expect(errorOf(await lab.run('setup', on('db', 'n1')))).toMatch(
      /another call of the driver is under way.*try again/,
    );
    await lab.teardown(on('web', 'n1', { ports }));
    await shell('pkill -x sleep');
    await holder.ended;
    await nothingIsLeft('n1');
  });

  it('a signal ends the wait, and undoes; SIGKILL leaves what the next call takes', async () => {
    await lab.create('n1');
    for (const signal of ['TERM', 'INT', 'KILL']) {
      await whileHung(async () => {
        const setup = lab.run('setup', on('web', 'n1', { ports }));
        for (let tries = 0; tries < 100 && (await records()) === 0; tries++) await sleep(20);
        await sleep(300);
        await shell(`pkill -${signal} -f "^${join(lab.plugins, 'flatnet')} setup"`);
        await sleep(100);
        await shell('pkill -x sleep');
        const result = await setup;
        expect(errorOf(result)).toMatch(
          signal === 'KILL' ? /killed by signal/ : new RegExp(`interrupted by SIG${signal}`),
        );
      });
      await host.sandbox.idle();
      if (signal === 'KILL') await lab.teardown(on('web', 'n1', { ports }));
      await nothingIsLeft('n1');
    }
  });
});
