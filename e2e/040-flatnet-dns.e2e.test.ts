// Names of containers, asked from the containers by real packets.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '@flatnet/testing';
import { answerByTcp, answerTo, DnsLab, listOf, serverOf, servers } from './dns-lab.ts';
import { errorOf, useSandbox } from './fixture.ts';

const host = useSandbox();
const CONTAINERS = ['aaaaaaaaaaaa1', 'bbbbbbbbbbbb2', 'cccccccccccc3'] as const;
const [A, B, C] = CONTAINERS.map((id) => ({ id })) as [{ id: string }, { id: string }, { id: string }];
const web = { ...A, name: 'Web', aliases: ['www', 'front.end'] };
const db = { ...B, name: 'db_1' };
const api = { ...B, name: 'api' };
let lab: DnsLab;
const ask = (from: { id: string }, question: string, options: { type?: string; server?: string } = {}) =>
  answerTo(host.sandbox, from.id, question, options);
const addressesOf = (result: Json): string[] =>
  (result['ips'] as { address: string }[]).map(({ address }) => address.replace(/\/.*/, ''));

beforeAll(async () => {
  for (const id of CONTAINERS) await host.sandbox.addNetns(id);
  lab = new DnsLab(host.sandbox, listOf('names', 1));
});
afterAll(async () => {
  for (const id of CONTAINERS) await host.sandbox.deleteNetns(id);
});
afterEach(async () => {
  for (const container of [A, B, C]) await lab.del(container);
  expect(await servers(host.sandbox), 'servers that are left').toEqual([]);
  expect((await host.sandbox.run('ls', ['/run/flatnet/dns'])).stdout).toBe('');
});

/** The pid file names a process that is not to be signalled. */
async function innocent(pid: number): Promise<void> {
  const replace = `sleep 1000 & echo $! > $(grep -lx ${pid} /run/flatnet/dns/*/*/pid)`;
  await host.sandbox.must('sh', ['-c', `(${replace}) >/dev/null 2>&1`]);
}

describe('flatnet-dns', () => {
  it('container, aliases, short id and domain are found from ADD to DEL, as A, AAAA and PTR', async () => {
    const added = await lab.add(web);
    const [v4, v6] = addressesOf(added);
    expect(added['dns']).toEqual({ nameservers: ['10.53.1.1', 'fd53:1::1'], search: ['names'] });
    await lab.add(db);
    for (const name of ['web', 'WEB', 'www', 'web.names', 'front.end', 'front.end.names', 'aaaaaaaaaaaa']) {
      expect(await ask(B, name), name).toEqual([v4]);
      expect(await ask(B, name, { type: 'aaaa', server: 'fd53:1::1' }), name).toEqual([v6]);
    }
    expect(await ask(A, 'db_1')).toHaveLength(1);
    expect(await ask(B, v4!, { type: 'ptr' })).toEqual(['web.names']);
    expect(await ask(B, v6!, { type: 'ptr' })).toEqual(['web.names']);
    expect(await ask(B, 'nobody')).toBe('NXDOMAIN');
    await lab.check(web);
    await lab.del(web);
    expect(await ask(B, 'web')).toBe('NXDOMAIN');
    await lab.del(db);
    await lab.del(db);
  });

  it('two of one name answer both, and part singly', async () => {
    const first = addressesOf(await lab.add(web));
    const second = addressesOf(await lab.add({ ...B, name: 'web' }));
    await lab.add(C);
    expect(await ask(C, 'web')).toEqual([first[0], second[0]].sort());
    await lab.del(web);
    expect(await ask(C, 'web')).toEqual([second[0]]);
    await lab.del({ ...B, name: 'web' });
    await lab.del(C);
  });

  it.each<[string, (pid: number) => Promise<unknown>]>([
    ['kill -9 of dnsmasq', (pid) => host.sandbox.run('kill', ['-9', String(pid)])],
    ['a pid file of an innocent process', innocent],
    ['a lost pid file', (pid) => host.sandbox.run('sh', ['-c', `rm $(grep -lx ${pid} /run/flatnet/dns/*/*/pid)`])],
    [
      'a unit that was stopped',
      (pid) => host.sandbox.run('sh', ['-c', `kill ${pid}; while [ -e /proc/${pid} ]; do sleep 0.01; done`]),
    ],
    ['a stopped dnsmasq', (pid) => host.sandbox.run('kill', ['-STOP', String(pid)])],
    [
      'a configuration that was changed',
      () => host.sandbox.run('sh', ['-c', 'echo port=1 | tee /run/flatnet/dns/*/*/conf']),
    ],
  ])('%s: CHECK says so, and the next ADD heals it', async (_what, harm) => {
    const added = await lab.add(web);
    await harm(await serverOf(host.sandbox, 'br-names'));
    await expect(lab.check(web)).rejects.toMatchObject({ answer: { json: { code: 102 } } });
    await lab.add(db);
    expect(await ask(B, 'web')).toEqual([addressesOf(added)[0]]);
    await lab.check(web);
    await lab.del(db);
    await lab.del(web);
    expect((await host.sandbox.run('pkill', ['-x', 'sleep'])).exitCode).toBe(harm === innocent ? 0 : 1);
  });

  it('an upgrade of the package while dnsmasq runs: it goes on, reads new names, and ends with the last', async () => {
    const { sandbox } = host;
    // A folder of programs that the sandbox has for itself.
    await sandbox.must('sh', [
      '-c',
      'mkdir /run/sbin && cp -a /usr/sbin/. /run/sbin && mount --bind /run/sbin /usr/sbin',
    ]);
    try {
      const added = await lab.add(web);
      const pid = await serverOf(sandbox, 'br-names');
      await sandbox.must('sh', ['-c', 'cp /usr/sbin/dnsmasq /usr/sbin/new && mv /usr/sbin/new /usr/sbin/dnsmasq']);
      expect(await sandbox.must('readlink', [`/proc/${pid}/exe`])).toContain('dnsmasq (deleted)');
      await lab.check(web);
      await lab.add(db);
      expect(await ask(B, 'web')).toEqual([addressesOf(added)[0]]);
      expect(await servers(sandbox)).toEqual([pid]);
      for (const container of [db, web]) await lab.del(container);
      expect(await servers(sandbox)).toEqual([]);
    } finally {
      await sandbox.must('sh', ['-c', 'umount /usr/sbin && rm -r /run/sbin']);
    }
  });

  it('a bridge that is made anew is served again', async () => {
    await lab.add(web);
    await host.sandbox.must('ip', ['link', 'delete', 'br-names']);
    const added = addressesOf(await lab.add(db));
    await lab.add(C);
    expect(await ask(C, 'db_1')).toEqual([added[0]]);
    for (const container of [web, db, C]) await lab.del(container);
  });

  it('port 53 is taken by another program: names are found all the same, over UDP and TCP, and after it ends', async () => {
    const { sandbox } = host;
    await lab.add(A);
    const pid = await serverOf(sandbox, 'br-names');
    await sandbox.must('sh', ['-c', `kill ${pid}; while [ -e /proc/${pid} ]; do sleep 0.01; done`]);
    await sandbox.must('dnsmasq', ['--port=53', '--no-resolv', '--conf-file=/dev/null', '--pid-file=/tmp/other.pid']);
    const added = addressesOf(await lab.add(api));
    await lab.add(C);
    expect(await ask(C, 'api')).toEqual([added[0]]);
    expect(await ask(C, 'api', { type: 'aaaa', server: 'fd53:1::1' })).toEqual([added[1]]);
    expect(await answerByTcp(sandbox, C.id, 'api', '10.53.1.1')).toBe(added[0]);
    await sandbox.must('nft', ['flush', 'ruleset']);
    await expect(lab.check(api)).rejects.toThrow(/102/);
    await lab.del(C);
    await lab.add(C);
    expect(await ask(C, 'api')).toEqual([added[0]]);
    await sandbox.must('sh', ['-c', 'kill $(cat /tmp/other.pid)']);
    expect(await ask(C, 'api')).toEqual([added[0]]);
    for (const container of [A, api, C]) await lab.del(container);
  });

  it('an internal network knows its own names, and says of others that they do not exist, as musl needs it', async () => {
    const closed = new DnsLab(host.sandbox, listOf('closed', 3, { internal: true }));
    const server = '10.53.3.1';
    try {
      const [address] = addressesOf(await closed.add({ ...A, name: 'base' }));
      for (const name of ['base', 'base.closed']) expect(await ask(A, name, { server }), name).toEqual([address]);
      expect(await ask(A, address!, { type: 'ptr', server })).toEqual(['base.closed']);
      // As with the search list of a host: `base` comes after it.
      for (const name of ['base.corp.example', 'corp.example', 'nobody'])
        expect(await ask(A, name, { server }), name).toBe('NXDOMAIN');
    } finally {
      await closed.del(A);
    }
  });

  it('a container on two networks finds the names of both at either server, and the others do not', async () => {
    const second = new DnsLab(host.sandbox, listOf('others', 2, { domainName: 'other.test' }));
    const both = { ...A, name: 'both' };
    try {
      const [onFirst] = addressesOf(await lab.add(db));
      const [onSecond] = addressesOf(await second.add({ ...C, name: 'cache' }));
      const own = addressesOf(await lab.add(both));
      expect(await ask(A, 'cache')).toBe('NXDOMAIN');
      const further = addressesOf(await second.add({ ...both, ifName: 'eth1' }));
      for (const server of ['10.53.1.1', '10.53.2.1']) {
        expect(await ask(A, 'db_1', { server }), server).toEqual([onFirst]);
        expect(await ask(A, 'cache', { server }), server).toEqual([onSecond]);
        expect(await ask(A, 'cache.other.test', { server }), server).toEqual([onSecond]);
        expect(await ask(A, 'db_1.names', { server }), server).toEqual([onFirst]);
        expect(await answerByTcp(host.sandbox, A.id, 'cache', server)).toBe(onSecond);
      }
      expect(await ask(A, 'both', { type: 'aaaa', server: 'fd53:2::1' })).toEqual([own[1], further[1]].sort());
      expect(await ask(B, 'cache')).toBe('NXDOMAIN');
      expect(await ask(B, 'both')).toEqual([own[0]]);
      expect(await ask(C, 'db_1', { server: '10.53.2.1' })).toBe('NXDOMAIN');
      await lab.check(both);
      // Names that come later are found too, and those that go are not.
      await second.del({ ...C, name: 'cache' });
      expect(await ask(A, 'cache')).toBe('NXDOMAIN');
      await second.add({ ...C, name: 'late' });
      expect(await ask(A, 'late')).toHaveLength(1);
      await host.sandbox.must('nft', ['delete', 'table', 'inet', 'flatnet_dns']);
      await expect(lab.check(both)).rejects.toThrow(/no rule leads/);
      await second.del({ ...C, name: 'late' });
      await lab.check(both);
      expect(await servers(host.sandbox)).toHaveLength(3);
      await second.del({ ...both, ifName: 'eth1' });
      expect(await servers(host.sandbox)).toHaveLength(1);
      expect(await ask(A, 'db_1')).toEqual([onFirst]);
    } finally {
      for (const [id, ifName] of [
        [A.id, 'eth1'],
        [C.id, 'eth0'],
      ] as const)
        await second.del({ id, ifName });
    }
  });

  it.each([
    [
      'nft',
      "nft add table inet theirs; nft 'add chain inet theirs in { type filter hook input priority 0; policy drop; }'; nft add rule inet theirs in meta l4proto ipv6-icmp accept",
    ],
    ['iptables', 'iptables -P INPUT DROP; ip6tables -P INPUT DROP; ip6tables -A INPUT -p ipv6-icmp -j ACCEPT'],
  ])(
    'a firewall of %s drops questions: STATUS names the chain, and its commands open no more',
    async (_tool, close) => {
      const { sandbox } = host;
      const added = addressesOf(await lab.add(web));
      await lab.add(B);
      const openedBy = await sandbox.must('nft', ['list', 'ruleset']);
      await lab.chain.status();
      try {
        await sandbox.must('sh', ['-c', close]);
        const question = ['1', 'busybox', 'nslookup', 'web', '10.53.1.1'];
        expect((await sandbox.inNetns(B.id, 'timeout', question)).exitCode).not.toBe(0);
        // One family after the other: each has a chain of its own.
        for (let tries = 0; tries < 4; tries += 1) {
          const { exitCode, json } = await lab.call('STATUS', B, {});
          if (exitCode === 0) break;
          expect(json).toMatchObject({ code: 51, details: expect.stringContaining('port 53 of') as string });
          await sandbox.must('sh', ['-c', String(json!['details']).split('e.g.: ')[1]!]);
        }
        expect(await lab.call('STATUS', B, {})).toMatchObject({ exitCode: 0 });
        expect(await ask(B, 'web')).toEqual([added[0]]);
        expect(await answerByTcp(sandbox, B.id, 'web', '10.53.1.1')).toBe(added[0]);
        expect(await ask(B, 'web', { type: 'aaaa', server: 'fd53:1::1' })).toEqual([added[1]]);
      } finally {
        await sandbox.run('nft', ['delete', 'table', 'inet', 'theirs']);
        for (const program of ['iptables', 'ip6tables'])
          await sandbox.run('sh', ['-c', `${program} -P INPUT ACCEPT; ${program} -F INPUT`]);
        for (const family of ['ip', 'ip6'])
          if (!openedBy.includes(`table ${family} filter`))
            await sandbox.run('nft', ['delete', 'table', family, 'filter']);
      }
      await lab.del(web);
      await lab.del(B);
    },
  );

  it('text that is no name reaches no file, and starts nothing', async () => {
    const prevResult = await lab.chain.add({ containerId: B.id, netns: `/run/netns/${B.id}`, ifName: 'eth0' });
    await lab.call('DEL', B, {});
    const hostile: readonly [string, Json][] = [
      ['web\n10.0.0.1 evil', {}],
      ['web', { domainName: 'a\nserver=/evil/' }],
      ['web', { nameservers: ['9.9.9.9\nport=1'] }],
      ['web', { runtimeConfig: { aliases: ['a\nb'] } }],
    ];
    for (const [name, config] of hostile) {
      const error = errorOf(await lab.call('ADD', { ...A, name }, config, prevResult));
      expect(error, JSON.stringify(config)).toMatchObject({ code: 7 });
    }
    expect(await servers(host.sandbox)).toEqual([]);
  });
});
