/** Debian's ufw and firewalld inside of a sandbox, with a D-Bus of its own. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from '@flatnet/testing';
import { gatewayOf, type PolicyLab } from './policy-lab.ts';

/** Where bin/fetch-firewalls has put them. */
const FOLDER = '/var/tmp/flatnet-firewalls';

/** Lays them over the sandbox's own programs. Whatever they write is gone with it. */
export async function layOverFirewalls(sandbox: Sandbox): Promise<void> {
  if (!existsSync(`${FOLDER}/complete`)) throw new Error('run e2e/bin/fetch-firewalls first');
  await sandbox.must('mkdir', ['-p', '/run/over/upper', '/run/over/work']);
  await sandbox.must('mount', ['-t', 'overlay', 'usr', '-o', `lowerdir=${FOLDER}/usr:/usr`, '/usr']);
  const above = `lowerdir=${FOLDER}/etc:/etc,upperdir=/run/over/upper,workdir=/run/over/work`;
  await sandbox.must('mount', ['-t', 'overlay', 'etc', '-o', above, '/etc']);
}

export interface Foreign {
  readonly name: string;
  start(sandbox: Sandbox): Promise<void>;
  reload(sandbox: Sandbox): Promise<void>;
  /** All that it filters by, in words. */
  state(sandbox: Sandbox): Promise<string>;
  stop(sandbox: Sandbox): Promise<void>;
}

export const ufw: Foreign = {
  name: 'ufw',
  async start(sandbox) {
    await sandbox.must('sed', ['-i', 's/^IPT_SYSCTL=.*/IPT_SYSCTL=/', '/etc/default/ufw']);
    await sandbox.must('ufw', ['--force', 'enable']);
    // A reload leaves more rules than the start.
    await sandbox.must('ufw', ['reload']);
  },
  reload: async (sandbox) => void (await sandbox.must('ufw', ['reload'])),
  state: async (sandbox) =>
    `${await sandbox.must('iptables', ['-S'])}${await sandbox.must('ip6tables', ['-S'])}`.replaceAll(
      / -c \d+ \d+/g,
      '',
    ),
  async stop(sandbox) {
    await sandbox.must('ufw', ['--force', 'disable']);
    await sandbox.must('nft', ['flush', 'ruleset']);
  },
};

const DBUS = 'org.fedoraproject.FirewallD1';
const call = async (sandbox: Sandbox, ...words: readonly string[]): Promise<string> =>
  (await sandbox.run('busctl', ['--system', 'call', DBUS, `/${DBUS.replaceAll('.', '/')}`, ...words])).stdout.trim();

/** A method of its zones, which takes texts. */
export const zones = (sandbox: Sandbox, method: string, ...words: readonly string[]): Promise<string> =>
  call(sandbox, `${DBUS}.zone`, method, ...(words.length === 0 ? [] : ['s'.repeat(words.length), ...words]));

export const firewalld: Foreign = {
  name: 'firewalld',
  async start(sandbox) {
    await sandbox.must('mkdir', ['-p', '/run/dbus']);
    await sandbox.must('dbus-daemon', ['--system', '--fork', '--nopidfile', '--print-pid']);
    await startFirewalld(sandbox);
  },
  reload: async (sandbox) => void (await call(sandbox, DBUS, 'reload')),
  /** Chains of a zone stay once a device was in it. */
  async state(sandbox) {
    const rules = await sandbox.must('nft', ['list', 'table', 'inet', 'firewalld']);
    return `${await zones(sandbox, 'getActiveZones')}\n${rules.match(/^.*\bbr-.*$/gm)?.join('\n') ?? ''}`;
  },
  async stop(sandbox) {
    for (const program of ['firewalld', 'dbus-daemon', 'polkitd']) await sandbox.run('pkill', ['-x', program]);
    await sandbox.must('nft', ['flush', 'ruleset']);
  },
};

async function startFirewalld(sandbox: Sandbox): Promise<void> {
  const isAwake = async (): Promise<boolean> =>
    (await call(sandbox, 'org.freedesktop.DBus.Properties', 'Get', 'ss', DBUS, 'state')).includes('RUNNING');
  void sandbox.run('firewalld', ['--nofork', '--nopid'], { timeoutMs: 600_000 });
  for (let tries = 0; !(await isAwake()); tries += 1) {
    if (tries === 300) throw new Error('firewalld does not answer within a minute');
    await sleep(200);
  }
}

/** Whether a reload forgets which device is in which zone; firewalld does, unless it is told. */
export const flushOnReload = (sandbox: Sandbox, isFlushed: boolean): Promise<string> =>
  sandbox.must('sed', [
    '-i',
    `s/^FlushAllOnReload=.*/FlushAllOnReload=${isFlushed ? 'yes' : 'no'}/`,
    '/etc/firewalld/firewalld.conf',
  ]);

/** Ends firewalld alone, and starts it again: what it was told at run time is forgotten. */
export async function restartFirewalld(sandbox: Sandbox): Promise<void> {
  await sandbox.must('pkill', ['-x', 'firewalld']);
  while ((await sandbox.run('pgrep', ['-x', 'firewalld'])).exitCode === 0) await sleep(50);
  await startFirewalld(sandbox);
}

/** What containers a1 (with port 80 published as 8080, and as 8081 on localhost) and a2 of network `a` come to. */
export async function passages(lab: PolicyLab): Promise<Readonly<Record<string, string>>> {
  const [flows, ...published] = await Promise.all([
    lab.matrix('a1>out', 'a1>a2', 'a2>a1', 'out>a1', 'host>a1'),
    lab.ask('out', '192.0.2.1', 8080),
    lab.ask('out', 'fd99::1', 8080),
    lab.ask('host', '127.0.0.1', 8081),
    lab.ask('host', '192.0.2.1', 8080),
    lab.ask('a2', gatewayOf('a', 4), 8080),
    lab.ask('a2', gatewayOf('a', 6), 8080),
  ]);
  return { ...flows, published: published.join(' ') };
}

export const EXPECTED = {
  ...{ 'a1>out': 'yes', 'a1>a2': 'yes', 'a2>a1': 'yes', 'out>a1': 'silent', 'host>a1': 'yes' },
  published: 'yes yes yes yes yes yes',
};
